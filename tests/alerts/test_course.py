"""How a reported fall goes on: the same alert with the numbers so far, until sentiment is back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.alerts.streams import mention, run, scores
from vocengine.alerts import amended, note_of
from vocengine.contracts import Alert, decode_alert, encode

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FALLEN = scores(200, 0.2) + scores(24 * 4, 0.9, seed=1)


def test_a_fall_that_lasts_is_amended_once_a_cool_down_and_resolved_when_sentiment_is_back() -> None:
    watched = run(mention(i, s) for i, s in enumerate(FALLEN + scores(24 * 6, 0.2, seed=2)))
    [alert] = watched.alerts
    assert {one.alert_id for one in watched.amendments} == {alert.alert_id}
    assert [one.ended for one in watched.amendments[:-1]] == [None] * (len(watched.amendments) - 1)
    assert watched.amendments[-1].ended == "recovered" and len(watched.amendments) >= 3
    at = [one.at for one in watched.amendments]
    assert all(later - earlier >= timedelta(hours=24) for earlier, later in pairwise(at))

    after = alert
    for one in watched.amendments:
        after = amended(after, one, now=NOW)
    assert (after.alert_id, after.baseline_mean, after.window_start) == (
        alert.alert_id,
        alert.baseline_mean,
        alert.window_start,
    )
    assert (after.revision, after.status, after.amended_at) == (len(watched.amendments), "resolved", NOW)
    assert len(after.course) == after.revision and after.course[0].mean > 0.7 > 0.5 > after.course[-1].mean
    assert after.observed_n > alert.observed_n and after.change_low < after.change < after.change_high
    # A case has the notes of several keys.
    assert f"Sentiment is back on {alert.label}:" in note_of(alert, watched.amendments[-1])


def test_a_level_that_lasts_is_no_recovery() -> None:
    watched = run(mention(i, s) for i, s in enumerate(FALLEN + scores(24 * 8, 0.9, seed=2)))
    ended = [one for one in watched.amendments if one.ended]
    assert [one.ended for one in ended] == ["new_normal"]
    assert amended(watched.alerts[0], ended[0], now=NOW).status == "open"
    assert "is the baseline from now on" in note_of(watched.alerts[0], ended[0])


def test_a_revision_survives_the_wire_and_an_alert_of_before_there_were_any_is_read_as_raised() -> None:
    watched = run(mention(i, s) for i, s in enumerate(FALLEN))
    [alert] = watched.alerts
    revision = amended(alert, watched.amendments[0], now=NOW)
    assert decode_alert(encode(revision)) == revision
    old = decode_alert(encode(alert).replace(b'"revision":0,', b"").replace(b'"course":[],', b""))
    assert isinstance(old, Alert) and (old.revision, old.course) == (0, ())
