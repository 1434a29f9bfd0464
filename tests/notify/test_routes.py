"""Routes: what they take, when it is due, and what is refused with which words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.notify.alerts import alert, case
from vocengine.errors import RouteError
from vocengine.key_patterns import matches, meet
from vocengine.notify import EVENTS, Route, due_at, load_routes, quiet_until
from vocengine.notify.routes import routes_from
from vocengine.paths import resource

TOKEN = "verysecrettoken123456789"
ENVIRON = {
    "HOOK": "a secret that is long enough",
    "SHORT": "short",
    "SLACK": f"slack://AAAAAAAAA/BBBBBBBBB/{TOKEN}/#voc",
    "MAIL": "mailto://127.0.0.1:25?from=a@example.org&to=b@example.org",
    "NONSENSE": f"nonsense://{TOKEN}",
}


def route(**more: Any) -> dict[str, Any]:
    return {"name": "leads", "to": ["env:MAIL"], **more}


def one(**more: Any) -> Route:
    return routes_from([route(**more)], ENVIRON)[0]


@pytest.mark.parametrize(
    ("chosen", "told", "taken"),
    [
        ({}, {}, True),
        ({"kinds": ["product_sentiment_fall"]}, {}, True),
        ({"kinds": ["emerging_topic"]}, {}, False),
        ({"severities": ["critical"]}, {}, False),
        ({"severities": ["critical"]}, {"severity": "critical"}, True),
        ({"keys": ["product:*"]}, {}, True),
        ({"keys": ["product:kettle"]}, {}, False),
        ({"keys": ["channel:*", "*kettle-1"]}, {}, True),
        ({"keys": ["product:a.b"]}, {"key": "product:axb"}, False),
    ],
)
def test_a_route_takes_what_it_says(chosen: dict[str, Any], told: dict[str, Any], taken: bool) -> None:
    assert one(**chosen).takes(alert(**told)) is taken


def test_a_route_takes_the_usual_events_unless_it_says_which() -> None:
    usual = {event for event in EVENTS if one().takes(case(), event)}
    assert usual == set(EVENTS) - {"case.taken", "case.closed"}
    late = one(events=["case.overdue"], keys=["product:*"])
    assert {event for event in EVENTS if late.takes(case(), event)} == {"case.overdue"}
    assert not late.takes(alert()) and not late.takes(case(key="topic:1"), "case.overdue")


def test_two_routes_may_share_a_target_where_their_events_differ() -> None:
    calls = [route(name="a", events=["alert.opened"]), route(name="b", events=["case.overdue"])]
    assert len(routes_from(calls, ENVIRON)) == 2
    with pytest.raises(
        RouteError, match=r"case\.overdue of .* would go there twice: make kinds, severities, keys or ev"
    ):
        routes_from([*calls, route(name="c", events=["case.closed", "case.overdue"])], ENVIRON)


@pytest.mark.parametrize("wrong", [["case.escalated"], [], "case.overdue", [None]])
def test_an_event_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(RouteError, match="route 'leads': events"):
        one(events=wrong)


QUIET = {"time_zone": "Europe/Berlin", "quiet_hours": {"from": "22:00", "to": "07:00"}}


@pytest.mark.parametrize(
    ("chosen", "severity", "now", "due"),
    [
        ({}, "low", "2026-03-10T12:00Z", "2026-03-10T12:00Z"),
        (QUIET, "high", "2026-03-10T20:59Z", "2026-03-10T20:59Z"),
        (QUIET, "high", "2026-03-10T21:00Z", "2026-03-11T06:00Z"),
        (QUIET, "high", "2026-03-11T05:59Z", "2026-03-11T06:00Z"),
        (QUIET, "high", "2026-03-11T06:00Z", "2026-03-11T06:00Z"),
        (QUIET, "critical", "2026-03-10T21:00Z", "2026-03-10T21:00Z"),
        (QUIET | {"critical_passes": False}, "critical", "2026-03-10T21:00Z", "2026-03-11T06:00Z"),
        # Clocks go forward in this night: seven o'clock comes an hour sooner.
        (QUIET, "high", "2026-03-28T21:30Z", "2026-03-29T05:00Z"),
        ({"quiet_hours": {"from": "01:00", "to": "02:00"}}, "high", "2026-03-10T01:30Z", "2026-03-10T02:00Z"),
        ({"digest": "hourly"}, "high", "2026-03-10T12:20Z", "2026-03-10T13:00Z"),
        ({"digest": "hourly", "time_zone": "Asia/Kolkata"}, "high", "2026-03-10T12:20Z", "2026-03-10T12:30Z"),
        ({"digest": "daily"}, "high", "2026-03-10T07:59Z", "2026-03-10T08:00Z"),
        ({"digest": "daily"}, "high", "2026-03-10T08:00Z", "2026-03-11T08:00Z"),
        ({"digest": "daily"}, "critical", "2026-03-10T08:00Z", "2026-03-10T08:00Z"),
        ({"digest": "hourly"} | QUIET, "high", "2026-03-10T20:30Z", "2026-03-11T06:00Z"),
    ],
)
def test_when_an_alert_is_due(chosen: dict[str, Any], severity: str, now: str, due: str) -> None:
    found = due_at(one(**chosen), severity, datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(due) and found.tzinfo is UTC
    assert quiet_until(one(**chosen), found) is None or severity == "critical"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "a list of routes is expected, each with name and to; this is empty"),
        ({"routes": []}, "a list of routes is expected, each with name and to; this is a dict"),
        ([], "a list of routes is expected, each with name and to; this is empty"),
        ([route()] * 201, "201 routes are given: 200 are the most"),
        ([5], "route 1: it is a int: fields with values are expected"),
        ([route(), None], "route 2: it is a NoneType"),
        ([route(quiet_hours=True)], "route 'leads': quiet_hours is a bool: fields with values are expected"),
        ([route(color="red")], "route 'leads': color is unknown; there are name, kinds, keys"),
        ([route(quiet_hours={"from": "22:00"})], "route 'leads': quiet_hours.to: field required"),
        ([route(quiet_hours={"from": "22:00", "to": "25:00"})], "route 'leads': quiet_hours.to is '25:00'"),
        ([route(quiet_hours={"from": "22:00", "to": "22:00"})], "begin and end at 22:00"),
        ([route(kinds=["topics"])], "route 'leads': kinds.0 is 'topics': input should be 'topic_sentiment_fall'"),
        ([route(severities=["urgent"])], "severities.0 is 'urgent': input should be 'low', 'medium', 'high' or 'crit"),
        ([route(at_most=0)], "route 'leads': at_most is 0: input should be greater than or equal to 1"),
        ([route(digest="weekly")], "digest is 'weekly': input should be 'off', 'hourly' or 'daily'"),
        ([route(time_zone="Berlin")], "time_zone is 'Berlin': no such zone; write one such as Europe/Berlin"),
        ([route(to=[])], "route 'leads': to: list should have at least 1 item"),
        ([route(to=["env:ABSENT"])], "to.0 is env:ABSENT, and ABSENT is not set in the environment"),
        ([route(to=["env:NONSENSE"])], "to.0 (env:NONSENSE) is no address that Apprise knows"),
        ([route(to=[f"nonsense://{TOKEN}"])], "to.0 is no address that Apprise knows"),
        ([route(to=[{"webhook": "http://example.org/x", "secret": "env:HOOK"}])], "not encrypted; use https"),
        ([route(to=[{"webhook": f"https://u:{TOKEN}@h.org", "secret": "env:HOOK"}])], "has a user or password in it"),
        ([route(to=[{"webhook": "ftp://example.org", "secret": "env:HOOK"}])], "to.0 webhook is not a URL"),
        ([route(to=[{"webhook": "https://example.org", "secret": "env:SHORT"}])], "(env:SHORT) has 5 bytes; at least"),
        ([route(to=[{"webhook": "https://example.org", "secret": TOKEN}])], "to.0.secret: string should match pattern"),
        ([route(to=[{"webhook": "https://example.org"}])], "route 'leads': to.0.secret: field required"),
        ([route(to=["env:MAIL", ENVIRON["MAIL"]])], "to.1 is a target that stands there already"),
        ([route(), route()], "two routes are called 'leads': name them apart"),
        (
            [route(severities=["high"]), route(name="all", to=[ENVIRON["MAIL"]], keys=["product:*"])],
            "routes 'leads' and 'all' both send to E-Mail env:MAIL #",
        ),
    ],
)
def test_what_is_wrong_is_said_without_secrets(document: object, says: str) -> None:
    with pytest.raises(RouteError) as raised:
        routes_from(document, ENVIRON)
    assert says in str(raised.value)
    assert TOKEN not in str(raised.value) and "short" not in str(raised.value).replace("SHORT", "")


@pytest.mark.parametrize(
    ("one_takes", "other_takes"),
    [
        ({"severities": ["high"]}, {"severities": ["low", "medium"]}),
        ({"kinds": ["emerging_topic"]}, {"kinds": ["topic_sentiment_fall"]}),
        ({"keys": ["product:*"]}, {"keys": ["channel:*", "topic:*"]}),
        ({}, {"to": ["env:SLACK"]}),
    ],
)
def test_routes_that_never_send_one_alert_twice_to_a_target_are_fine(
    one_takes: dict[str, Any], other_takes: dict[str, Any]
) -> None:
    assert len(routes_from([route(**one_takes), route(name="other", **other_takes)], ENVIRON)) == 2


def test_a_secret_can_change_behind_its_name_and_is_never_shown() -> None:
    written = [route(to=["env:SLACK", {"webhook": "https://example.org/x", "secret": "env:HOOK"}])]
    before = routes_from(written, ENVIRON)[0]
    changed = {**ENVIRON, "SLACK": ENVIRON["SLACK"].replace("AAAAAAAAA", "CCCCCCCCC"), "HOOK": "another " * 5}
    after = routes_from(written, changed)[0]
    assert [t.target_id for t in before.targets] == [t.target_id for t in after.targets]
    assert [t.address for t in before.targets] != [t.address for t in after.targets]
    assert TOKEN not in repr(before) and ENVIRON["HOOK"] not in repr(before)


def test_unquoted_times_and_off_are_read_as_meant(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text("- {name: a, to: [env:MAIL], quiet_hours: {from: 22:30, to: 07:00}, digest: off}\n")
    [found] = load_routes(file, ENVIRON)
    assert found.quiet and f"{found.quiet.begin:%H:%M} {found.quiet.end:%H:%M}" == "22:30 07:00"
    assert found.digest == "off"


def test_a_file_that_is_no_yaml_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(f"- name: a\n  to: [slack://{TOKEN}\n")
    with pytest.raises(RouteError, match=r"routes\.yaml is not valid YAML at line") as raised:
        load_routes(file, ENVIRON)
    assert TOKEN not in str(raised.value)
    with pytest.raises(RouteError, match="cannot be read"):
        load_routes(tmp_path / "absent.yaml", ENVIRON)


def test_the_example_is_right() -> None:
    environ = {
        "VOC_PAGERDUTY": "pagerduty://abcdefgh@ijklmnop",
        "VOC_WEBHOOK_SECRET": "whsec_" + "QUJD" * 10,
        "VOC_SLACK": ENVIRON["SLACK"],
        "VOC_MAIL": ENVIRON["MAIL"],
        "VOC_HEAD_OF_SERVICE": "mailto://127.0.0.1:25?from=a@example.org&to=head@example.org",
    }
    found = load_routes(resource("configs", "routes", "example.yaml"), environ)
    assert [r.name for r in found] == ["on-call", "cx-leads", "account-managers", "head-of-service"]
    assert found[0].targets[1].secret == b"ABC" * 10
    assert set(environ) == {
        word.removeprefix("env:")
        for word in yaml.safe_dump(yaml.safe_load(resource("configs", "routes", "example.yaml").read_text())).split()
        if word.startswith("env:")
    }


@given(st.text("ab*", max_size=6), st.text("ab*", max_size=6), st.text("ab", max_size=6))
def test_patterns_that_meet_are_those_that_a_key_fits(one: str, other: str, key: str) -> None:
    if matches(one, key) and matches(other, key):
        assert meet(one, other)
    assert meet(one, other) == meet(other, one)
    if "*" not in one:
        assert meet(one, other) == matches(other, one)
