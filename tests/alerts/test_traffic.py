"""What stands out behind a fall, and whose voices count."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vocengine.alerts import Traffic, follow, with_drivers
from vocengine.alerts.mix import drivers
from vocengine.contracts import Alert, Evidence, Mention

START = datetime(2026, 3, 2, tzinfo=UTC)
FALL = START + timedelta(days=20)
LATENESS = timedelta(hours=48)


def mention(number: int, at: datetime, *, channel: str, negative: bool, **more: object) -> Mention:
    made = Mention(
        kind="topic",
        key="topic:1",
        occurred_at=at,
        event_id=f"e-{number}",
        customer_id=f"C-{number}",
        score=-0.8 if negative else 0.7,
        weight=1.0,
        negative=negative,
        channel=channel,
        product="kettle",
        label="delivery",
        excerpt=f"words {number}",
        received_at=at,
        also={f"channel:{channel}": channel, "product:kettle": "kettle"},
    )
    return replace(made, **more)  # type: ignore[arg-type]


def stream(*, fallen_channel: str | None) -> Iterator[Mention]:
    """Thirty a day, four in five by chat; after twenty days one channel, or every one, turns bad."""
    draw = random.Random(3)
    for number in range(20 * 30 + 40):
        at = START + timedelta(days=number / 30)
        channel = "chat" if draw.random() < 0.8 else "email"
        fallen = at >= FALL and fallen_channel in (channel, None)
        yield mention(number, at, channel=channel, negative=draw.random() < (0.9 if fallen else 0.2))


def traffic_of(mentions: Iterator[Mention]) -> Traffic:
    state = Traffic()
    follow(mentions, {"topic:1": state}, allowed_lateness=LATENESS)
    return state


def test_the_channel_that_fell_stands_out_although_another_is_larger() -> None:
    found = drivers(traffic_of(stream(fallen_channel="email")).mix.since(FALL, negative_only=True))
    assert [driver.key for driver in found] == ["channel:email"]
    [email] = found
    assert email.expected is not None and email.share > email.expected + 0.1


def test_a_channel_that_is_always_large_is_no_driver() -> None:
    parts = traffic_of(stream(fallen_channel=None)).mix.since(FALL, negative_only=True)
    assert max(part.share for part in parts.parts if part.key == "channel:chat") > 0.6
    assert drivers(parts) == ()


def test_without_a_before_the_largest_parts_are_named_and_nothing_is_said_of_before() -> None:
    state = Traffic()
    for number in range(10):
        state.add(
            mention(number, FALL + timedelta(minutes=number), channel="chat", negative=True), allowed_lateness=LATENESS
        )
    found = drivers(state.mix.since(FALL, negative_only=True))
    assert {driver.key for driver in found} == {"channel:chat", "product:kettle"}
    assert all(driver.expected is None for driver in found)


def test_a_voice_counts_once_a_day_and_what_is_late_not_at_all() -> None:
    state = Traffic()
    one = mention(1, FALL, channel="chat", negative=True)
    assert state.add(one, allowed_lateness=LATENESS)
    assert not state.add(replace(one, event_id="e-2"), allowed_lateness=LATENESS)
    assert state.add(replace(one, occurred_at=FALL + timedelta(days=1)), allowed_lateness=LATENESS)
    late = mention(3, FALL - timedelta(days=3), channel="chat", negative=True)
    assert not state.add(late, allowed_lateness=LATENESS)


def test_a_stored_state_goes_on_as_if_nothing_had_happened() -> None:
    mentions = list(stream(fallen_channel="email"))
    half = Traffic()
    follow(mentions[:300], {"topic:1": half}, allowed_lateness=LATENESS)
    again = Traffic.from_bytes(half.to_bytes())
    follow(mentions[300:], {"topic:1": again}, allowed_lateness=LATENESS)
    assert again.to_bytes() == traffic_of(iter(mentions)).to_bytes()
    assert len(again.to_bytes()) < 20_000


def test_the_drivers_of_an_alert_are_those_of_when_it_was_raised() -> None:
    mentions = list(stream(fallen_channel="email"))
    at = next(m.occurred_at for m in mentions if m.occurred_at > FALL + timedelta(hours=16))
    alert = Alert(
        alert_id="a-1", kind="topic_sentiment_fall", key="topic:1", label="delivery", window_start=FALL, window_end=at,
        baseline_mean=0.2, baseline_n=600, baseline_from=START, observed_mean=0.5, observed_n=20, change=0.3,
        change_low=0.1, change_high=0.5, evidence=Evidence("m", 1, 1, "b"), severity="high", drivers=(), verbatims=(),
        opened_at=at, raised_at=at,
    )  # fmt: skip
    # Far more mentions follow in the same batch than are kept.
    after = [mention(n, at + timedelta(minutes=n), channel="chat", negative=False) for n in range(1000, 1400)]
    whole = follow([*mentions, *after], {"topic:1": Traffic()}, [alert], allowed_lateness=LATENESS)
    upto = [m for m in mentions if m.occurred_at <= at]
    alone = follow(upto, {"topic:1": Traffic()}, [alert], allowed_lateness=LATENESS)
    assert whole == alone
    assert with_drivers(alert, whole["a-1"]).drivers == drivers(alone["a-1"])
