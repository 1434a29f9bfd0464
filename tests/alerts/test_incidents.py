"""Which alerts tell of one thing, and which key is the probable root."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vocengine.alerts.incidents import Member, explained, linked, root_of

START = datetime(2026, 5, 4, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def member(
    key: str,
    parts: dict[str, tuple[float, float | None]] | None = None,
    *,
    start: datetime = START,
    voices: range = range(0),
) -> Member:
    return Member(f"a-{key}", key, start, start + 6 * HOUR, parts or {}, frozenset(voices))


# A courier loses parcels: delivery fell everywhere, and takes a product and the chat along.
DELIVERY = member("topic:1", {"channel:chat": (0.3, 0.28), "product:kettle": (0.5, 0.5)})
KETTLE = member("product:kettle", {"topic:1": (0.7, 0.2), "channel:chat": (0.3, 0.3)})
CHAT = member("channel:chat", {"topic:1": (0.6, 0.2), "product:kettle": (0.5, 0.5)})
# The chat itself breaks: what is said in it turns bad, whatever it is about.
BROKEN_CHAT = member("channel:chat", {"topic:1": (0.25, 0.2), "topic:2": (0.2, 0.2)})
ON_CHAT = [member(f"topic:{i}", {"channel:chat": (0.9, 0.4), "product:kettle": (0.5, 0.5)}) for i in (1, 2)]
# All there is comes by one channel and is about one product.
ALL_SOCIAL = member("channel:social", {"topic:1": (0.6, 0.2)})
ON_SOCIAL = member("topic:1", {"channel:social": (1.0, 1.0)})


# Only the kettle's delivery fell: of what is negative on the one, more is on the other than before.
PAIR = member("topic~product:1~kettle", {"channel:chat": (0.3, 0.3)})
TOPIC_OF_PAIR = member("topic:1", {"product:kettle": (0.8, 0.3), "product:oven": (0.2, 0.4)})
KETTLE_OF_PAIR = member("product:kettle", {"topic:1": (0.8, 0.2)})
# Delivery fell for every product alike.
PAIRS_OF_ALL = [member(f"topic~product:1~{name}", {"channel:chat": (0.3, 0.3)}) for name in ("kettle", "oven")]
TOPIC_OF_ALL = member("topic:1", {"product:kettle": (0.5, 0.5), "product:oven": (0.4, 0.4)})


@pytest.mark.parametrize(
    "members, root",
    [
        ([PAIR, TOPIC_OF_PAIR], "topic~product:1~kettle"),
        ([PAIR, TOPIC_OF_PAIR, KETTLE_OF_PAIR], "topic~product:1~kettle"),
        ([*PAIRS_OF_ALL, TOPIC_OF_ALL], "topic:1"),
        ([PAIRS_OF_ALL[0], TOPIC_OF_ALL], "topic:1"),
        ([CHAT, KETTLE, DELIVERY], "topic:1"),
        ([*ON_CHAT, BROKEN_CHAT], "channel:chat"),
        ([ALL_SOCIAL, ON_SOCIAL], "topic:1"),
        ([CHAT], "channel:chat"),
    ],
)
def test_the_root_is_the_key_that_explains_the_others(members: list[Member], root: str) -> None:
    assert root_of(members).key == root
    assert root_of(members[::-1]).key == root, "whatever the order"


def test_a_channel_that_has_everything_explains_nothing() -> None:
    assert explained(ALL_SOCIAL, [ALL_SOCIAL, ON_SOCIAL]) == 0.0
    assert explained(ON_SOCIAL, [ALL_SOCIAL, ON_SOCIAL]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "a, b, together",
    [
        (PAIR, TOPIC_OF_PAIR, True),
        (PAIR, KETTLE_OF_PAIR, True),
        (PAIRS_OF_ALL[0], PAIRS_OF_ALL[1], False),  # what they have in common was theirs before
        (PAIR, member("topic:2"), False),
        (PAIR, member("topic:1", start=START + 40 * HOUR), False),
        (PAIR, member("channel:chat", {"topic~product:1~kettle": (0.6, 0.1)}), True),
        (PAIR, member("topic~channel:1~chat", {"product:kettle": (0.8, 0.3)}), True),
        (DELIVERY, KETTLE, True),
        (KETTLE, CHAT, False),  # neither has more of the other than it always had; both hang on the topic
        (ON_CHAT[0], BROKEN_CHAT, True),
        (ON_CHAT[0], ON_CHAT[1], False),
        (DELIVERY, member("topic:1", start=START + 20 * HOUR), True),  # the same key, soon after
        (DELIVERY, member("topic:1", start=START + 40 * HOUR), False),
        (KETTLE, member("topic:1", start=START - 60 * HOUR), False),
        (member("topic:7", voices=range(30)), member("product:oven", voices=range(10, 40)), True),  # the same mentions
        (member("topic:7", voices=range(5)), member("channel:chat", voices=range(100)), False),  # a small part of many
        (member("topic:7", {"product:oven": (0.6, None)}), member("product:oven"), True),  # nothing is known of before
        (member("topic:7", {"product:oven": (0.4, None)}), member("product:oven"), False),
    ],
)
def test_alerts_are_linked_by_time_and_by_what_is_new_in_them(a: Member, b: Member, together: bool) -> None:
    assert linked(a, b) is together
    assert linked(b, a) is together
