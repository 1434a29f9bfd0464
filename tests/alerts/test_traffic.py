"""What stands out behind a fall, and whose voices count."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vocengine.alerts import DetectorPolicy, SameForAll, Traffic, follow, with_drivers
from vocengine.alerts.mix import drivers
from vocengine.alerts.traffic import Followed
from vocengine.contracts import Alert, Evidence, Mention

START = datetime(2026, 3, 2, tzinfo=UTC)
FALL = START + timedelta(days=20)
POLICY = DetectorPolicy()


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


def move(state: Traffic, mentions: Iterable[Mention], falls: Iterable[Alert] = ()) -> Followed:
    return follow(
        mentions,
        {"topic:1": state},
        falls,
        rules=SameForAll(POLICY),
        draw=lambda: 1e-3,
        budget="at most 1 false alarm in 7 days",
        now=FALL,
    )


def traffic_of(mentions: Iterator[Mention]) -> Traffic:
    state = Traffic()
    move(state, mentions)
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
        state.add(mention(number, FALL + timedelta(minutes=number), channel="chat", negative=True), POLICY)
    found = drivers(state.mix.since(FALL, negative_only=True))
    assert {driver.key for driver in found} == {"channel:chat", "product:kettle"}
    assert all(driver.expected is None for driver in found)


def test_a_voice_counts_once_a_day_and_what_is_late_not_at_all() -> None:
    state = Traffic()
    one = mention(1, FALL, channel="chat", negative=True)
    late = mention(3, FALL - timedelta(days=3), channel="chat", negative=True)
    for said, counted in (
        (one, 1),
        (replace(one, event_id="e-2"), 1),
        (replace(one, occurred_at=FALL + timedelta(days=1)), 2),
        (late, 2),
    ):
        state.add(said, POLICY)
        assert len(state.mix.recent) == counted


def test_a_stored_state_goes_on_as_if_nothing_had_happened() -> None:
    mentions = list(stream(fallen_channel="email"))
    half = Traffic()
    move(half, mentions[:300])
    again = Traffic.from_bytes(half.to_bytes())
    move(again, mentions[300:])
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
    whole = move(Traffic(), [*mentions, *after], [alert]).parts
    upto = [m for m in mentions if m.occurred_at <= at]
    alone = move(Traffic(), upto, [alert]).parts
    assert whole["a-1"] == alone["a-1"]
    assert with_drivers(alert, whole["a-1"]).drivers == drivers(alone["a-1"])


def test_a_spike_is_an_alert_with_what_is_said_in_it_and_what_stands_out() -> None:
    """Thirty a day by chat; then two hundred in two hours by email. A customer who writes fifty times is one voice."""
    usual = [mention(n, START + timedelta(days=n / 30), channel="chat", negative=False) for n in range(900)]
    rise = START + timedelta(days=30)
    one_voice = [
        mention(2000 + n, rise + timedelta(minutes=n), channel="email", negative=True, customer_id="C-1")
        for n in range(50)
    ]
    burst = [
        mention(3000 + n, rise + timedelta(hours=2, seconds=36 * n), channel="email", negative=True, excerpt=f"app {n}")
        for n in range(200)
    ]
    state = Traffic()
    assert move(state, [*usual, *one_voice]).spikes == []
    [spike] = move(state, burst).spikes
    assert (spike.kind, spike.key, spike.incident_id) == ("volume_spike", "topic:1", None)
    assert rise + timedelta(hours=2) <= spike.window_end < rise + timedelta(hours=3)
    assert 0.5 < spike.baseline_mean < 3.0 < spike.observed_mean and spike.change_low > 0.0
    assert [driver.key for driver in spike.drivers] == ["channel:email"]
    assert spike.verbatims and all("app" in said.text for said in spike.verbatims)
    assert spike.evidence.value >= spike.evidence.threshold == 1.0
