"""`vocengine topics trends` on the story."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tests.web import web_story
from tests.web.conftest import story as story  # the same six weeks of feedback
from vocengine.cli.main import cli
from vocengine.cli.topic_trends import sparkline

integration = pytest.mark.integration


def call(engine: Any, *arguments: str) -> Result:
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    options = ("--set", f"database.url={url}", "topics", "trends", *arguments)
    return CliRunner().invoke(cli, options, env={"COLUMNS": "160"})


@integration
def test_all_topics_with_their_part_in_the_change(story: Any) -> None:
    said = call(story)
    assert said.exit_code == 0, said.output
    lines = {label: line for label, *_ in web_story.TOPICS for line in said.output.splitlines() if label in line}
    assert len(lines) == len(web_story.TOPICS)
    assert lines["Delivery time"].count("▼") == 2
    assert all(any(block in line for block in "▁▂▃▄▅▆▇█") for line in lines.values())
    assert "the parts add up to it" in said.output


@integration
def test_one_topic_by_a_dimension_with_its_emotions(story: Any) -> None:
    said = call(story, "1", "--by", "week", "--dimension", "product")
    assert said.exit_code == 0, said.output
    for word in (*web_story.PRODUCTS, "Delivery time", "all feedback", "joy", "anger"):
        assert word in said.output
    assert "by the week" in " ".join(said.output.split())


@integration
def test_json_holds_the_same_as_the_api(story: Any) -> None:
    told = json.loads(call(story, "1", "--json", "--dimension", "segment:region").stdout)
    assert {v["name"] for v in told["split"]["values"]} == set(web_story.REGIONS)
    assert {e["name"] for e in told["emotions"]["emotions"]} == {"joy", "anger"}
    every = json.loads(call(story, "--json").stdout)
    assert len(every["topics"]) == len(web_story.TOPICS) and every["changes"]["parts"]


@integration
@pytest.mark.parametrize(
    "arguments, says",
    [
        (("77",), "there is no topic 77; `vocengine topics list`"),
        (("--by", "hour", "--days", "100"), "--by is 'hour', which cuts these 100 days into 2,400 points"),
        (("--by", "minute"), "'minute' is not one of"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(story: Any, arguments: tuple[str, ...], says: str) -> None:
    said = call(story, *arguments)
    assert said.exit_code == 2 and says in said.output


@integration
def test_an_empty_database_says_what_to_do(database: Any) -> None:
    assert "vocengine run" in call(database.engine).output


@given(st.lists(st.none() | st.floats(-1, 1), max_size=90))
def test_a_sparkline_is_short_and_made_of_blocks(levels: list[float | None]) -> None:
    line = sparkline(levels, -1, 1)
    assert len(line) <= min(32, len(levels)) and set(line) <= set(" ▁▂▃▄▅▆▇█")


def test_a_sparkline_runs_from_low_to_high() -> None:
    assert sparkline([-1, 0, None, 1, None], -1, 1) == "▁▅ █"
