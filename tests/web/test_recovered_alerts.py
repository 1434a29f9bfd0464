"""An alert page says that it is back where it is, and not because people are done with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from tests.notify.alerts import NOON, alert
from vocengine.contracts.alert import CoursePoint
from vocengine.store import detector_states
from vocengine.store.tables import alerts
from vocengine.web import create_app

pytestmark = pytest.mark.integration

_FALL = replace(alert(), course=(CoursePoint(NOON + timedelta(hours=24), 0.9, 12),), revision=1)
_SILENCE = alert(2, kind="data_silence", key="source:*", label="all sources", observed_n=0)


@pytest.mark.parametrize(
    ("raised", "words"), [(_FALL, "it is back"), (_SILENCE, "It sends again")], ids=["a fall", "a silence"]
)
def test_what_people_resolved_is_not_said_to_be_back(database: Any, raised: Any, words: str) -> None:
    address = f"/alerts/{raised.alert_id}"
    with database.engine.begin() as connection:
        detector_states.add_alerts(connection, [raised])
        connection.execute(sa.update(alerts).values(status="resolved"))
    with TestClient(create_app(database.engine)) as client:
        assert words not in client.get(address).text
        told = client.get(f"/api/v1{address}").json()
        assert told["alert"]["status"] == "resolved" and told["recovered"] is False
        with database.engine.begin() as connection:
            detector_states.amend_alerts(connection, [replace(raised, status="resolved", revision=2)])
        assert words in client.get(address).text
        assert client.get(f"/api/v1{address}").json()["recovered"] is True
