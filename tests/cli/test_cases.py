"""`vocengine cases` and `vocengine initiatives` on a real database."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from tests.cases.test_casebook import raise_alerts
from tests.cases.test_life import HOUR, NOW, alert
from vocengine.cli.main import cli
from vocengine.errors import CaseError, CaseUnknown, InputError, SchemaOutdated
from vocengine.store.tables import rollups

pytestmark = pytest.mark.integration


def call(database: Any, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ("--set", f"database.url={database.url}", *arguments), env={"COLUMNS": "160"})


def test_a_case_is_worked_on_from_the_command_line(database: Any) -> None:
    assert "no cases yet" in call(database, "cases", "list").output
    raise_alerts(database.engine, alert(1))
    assert "Delivery" in call(database, "cases", "list", "--state", "open").output
    said = call(database, "cases", "take", "c-1", "--by", "ana", "--owner", "ben", "--note", "his shop")
    assert said.output == "case c-1 is acknowledged, ben's, due 2026-10-02 09:00 UTC\n"
    for words in (("start", "c-1"), ("note", "c-1", "asked the courier"), ("resolve", "c-1")):
        assert call(database, "cases", *words, "--by", "ana").exit_code == 0
    assert call(database, "cases", "judge", "c-1", "yes").output == "case c-1 is resolved, ben's; judged yes\n"
    assert json.loads(call(database, "cases", "close", "c-1", "--json").output)["state"] == "closed"
    shown = call(database, "cases", "show", "c-1").output
    for words in ("his shop", "asked the courier", "a real problem: yes", "alert a-1", "closed, version 7"):
        assert words in shown
    listed = call(database, "cases", "list").output
    assert "1 of 1 judged cases were real, 100% (95 % interval 21% to 100%)" in listed
    told = json.loads(call(database, "cases", "list", "--json", "--owner", "ben").output)
    assert told["cases"][0]["case_id"] == "c-1" and told["precision"]["judged"] == 1
    history = json.loads(call(database, "cases", "show", "c-1", "--json").output)["history"]
    assert [line["action"] for line in history] == ["open", "take", "start", "note", "resolve", "judge", "close"]
    assert call(database, "cases", "reopen", "c-1").output.startswith("case c-1 is open, ben's, due ")


def test_what_a_state_forbids_is_one_sentence(database: Any) -> None:
    raise_alerts(database.engine, alert(1))
    assert isinstance(call(database, "cases", "resolve", "c-1").exception, CaseError)
    assert isinstance(call(database, "cases", "take", "c-7").exception, CaseUnknown)
    assert isinstance(call(database, "cases", "judge", "c-1", "no", "--of", "c-1").exception, InputError)


def test_an_initiative_from_the_command_line(database: Any) -> None:
    raise_alerts(database.engine, alert(1), alert(2, key="topic:2"))
    assert "no initiatives yet" in call(database, "initiatives", "list").output
    assert isinstance(call(database, "initiatives", "open", "X", "--key", "topic:1").exception, InputError)
    with database.engine.begin() as connection:
        rows = [
            {"key": "topic:1", "kind": "topic", "hour": NOW + n * HOUR, "n": 2, "negative_n": 0, "positive_n": 0,
             "score_sum": -1.0 if n < 0 else 1.2, "score_square_sum": 1.0}
            for n in range(-40, 40)
        ]  # fmt: skip
        connection.execute(sa.insert(rollups), rows)
    assert "initiative 1 is open" in call(database, "initiatives", "open", "The courier", "--key", "topic:1").output
    assert call(database, "initiatives", "add", "1", "c-1", "c-2", "--by", "ana").exit_code == 0
    # All or none of them.
    assert isinstance(call(database, "initiatives", "add", "1", "c-1", "c-9").exception, CaseUnknown)
    assert "not fixed yet" in call(database, "initiatives", "show", "1").output
    assert call(database, "initiatives", "fixed", "1", "--at", "2026-10-01").exit_code == 2
    assert call(database, "initiatives", "fixed", "1", "--at", NOW.isoformat(), "--by", "ana").exit_code == 0
    shown = call(database, "initiatives", "show", "1", "--days", "7").output
    assert "-0.50 (80 mentions) → +0.60 (78)" in " ".join(shown.split()) and "the change is real" in shown
    told = json.loads(call(database, "initiatives", "show", "1", "--json").output)
    assert told["initiative"]["effect"]["certain"] and [c["case_id"] for c in told["cases"]] == ["c-1", "c-2"]
    [listed] = json.loads(call(database, "initiatives", "list", "--json").output)["initiatives"]
    assert listed["cases"] == 2 and listed["fixed_at"] == "2026-10-01T09:00:00Z"


def test_a_database_without_tables_is_said_in_a_sentence_that_tells_what_to_do(database: Any) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text("drop table cases cascade"))
    said = call(database, "cases", "list")
    assert isinstance(said.exception, SchemaOutdated)
    assert "vocengine db upgrade" in str(said.exception) and "\n" not in str(said.exception)
