"""The page of an emerging topic says what is new, on what evidence, and what to do or what was done about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.web.web_story import END
from vocengine.alerts.emerging import Emerged, Voice, to_alert
from vocengine.store import candidates, detector_states, registry
from vocengine.store.candidates import Candidate
from vocengine.store.registry import Fit
from vocengine.topics.discover import Discovered, Discovery
from vocengine.topics.lineage import plan

pytestmark = pytest.mark.integration

AXES = np.eye(8, dtype=np.float32)


@pytest.fixture
def candidate_id(database: Any) -> int:
    """A candidate and its alert, beside one topic in force."""
    fit = Discovery((Discovered("first", ("first",), AXES[0], 0.5, 20, ("first",)),), 20, 0.0,
                    np.zeros(20, dtype=np.int64), np.repeat(AXES[:1], 20, axis=0))  # fmt: skip
    with database.engine.begin() as connection:
        registry.apply(connection, plan(None, fit, min_topic_spans=10), Fit("a", 20, 0.0, {}), base_version=None)
        found = candidates.add(
            connection,
            Candidate(0, "pump, leak", ("pump", "leak"), AXES[1], 0.6, 12, ("The pump leaks",), "a", END, END, {}),
        )
        voices = [
            Voice(f"e-{i}", END - timedelta(hours=i), "chat", None, -0.5, f"The <b>pump</b> leaks, {i}")
            for i in range(12)
        ]
        emerged = Emerged(found.candidate_id, found.label, voices, 1_000, 5_000, END, 0.96, 1e-7, 1e-5)
        alert = to_alert(emerged, budget="at most 1 false find in 10,000 clauses", raised_at=END)
        assert to_alert(emerged, budget="", raised_at=END + timedelta(1)).alert_id == alert.alert_id
        detector_states.add_alerts(connection, [alert])
    return found.candidate_id


def test_an_open_candidate_waits_for_a_decision(empty_client: TestClient, candidate_id: int) -> None:
    [row] = empty_client.get("/api/v1/alerts").json()["items"]
    address = f"/alerts/{row['alert_id']}"
    assert "12 clauses" in empty_client.get("/alerts").text
    page = empty_client.get(address).text
    for words in ("Something new is spoken of: pump, leak", "1.2\u00a0%", f"topics adopt {candidate_id}", "pump, leak"):
        assert words in page
    assert "Sentiment on" not in page and "<b>pump</b>" not in page
    assert empty_client.get(f"/api/v1{address}").json()["candidate"]["status"] == "open"


def test_an_adopted_candidate_leads_to_its_topic(database: Any, empty_client: TestClient, candidate_id: int) -> None:
    with database.engine.begin() as connection:
        topic_id, _ = candidates.adopt(connection, candidate_id, by="ana", name="Leaking pumps")
    [row] = empty_client.get("/api/v1/alerts").json()["items"]
    page = empty_client.get(f"/alerts/{row['alert_id']}").text
    assert f'<a href="/topics/{topic_id}">' in page and "by ana" in page and "topics adopt" not in page


def test_a_dismissed_candidate_says_by_whom(database: Any, empty_client: TestClient, candidate_id: int) -> None:
    with database.engine.begin() as connection:
        candidates.dismiss(connection, candidate_id, by="ben")
    [row] = empty_client.get("/api/v1/alerts").json()["items"]
    assert "Dismissed by ben" in empty_client.get(f"/alerts/{row['alert_id']}").text
