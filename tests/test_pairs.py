"""Pairs of keys: one spelling each, whatever the names hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.wire import START, enriched
from vocengine import pairs
from vocengine.contracts import Sentiment, Span, SpanTopic, encode
from vocengine.errors import SettingsError
from vocengine.key_patterns import is_kind, matches
from vocengine.settings import load_settings
from vocengine.trends.mentions import Monitored, mentions_of, said_of_topics, scored_keys

NAMES = st.text(st.sampled_from("aZ~%257E+:=* ×") | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(one=NAMES, other=NAMES, kind=st.sampled_from(pairs.KINDS))
def test_a_key_is_read_in_one_way_only(one: str, other: str, kind: str) -> None:
    first, second = kind.split("~")
    key = pairs.key_of(f"{first}:{one}", f"{second}:{other}")
    assert key.startswith(f"{kind}:") and key.count("~") == 2
    assert pairs.parts_of(key) == (f"{first}:{one}", f"{second}:{other}")
    assert matches(f"{kind}:*", key) and is_kind(kind)


@pytest.mark.parametrize(
    "key", ["topic:12", "product:a~b", "topic~product:12", "topic~product:1~2~3", "a~b:1~2", "all"]
)
def test_what_is_no_pair_has_no_parts(key: str) -> None:
    assert pairs.parts_of(key) == ()


@pytest.mark.parametrize(
    "pair, said",
    [
        ("topic", "a pair is two dimensions with a ~ between them, such as topic~product"),
        ("topic~product~channel", "a pair is two dimensions"),
        ("topic~customer", "customers are in no pair, for few have messages enough for one key"),
        ("topic~shop", "'shop' is no dimension of a pair; there are topic, product, channel, journey_stage, segment"),
        ("topic~topic", "topic is paired with itself; a pair has two different dimensions"),
        ("segment:a~segment:a", "segment:a is paired with itself"),
        ("product~topic", "it is written topic~product, so that a key has one spelling"),
        ("segment:b~segment:a", "it is written segment:a~segment:b"),
        ("topic~segment", "a segment is named by its field, such as segment:region"),
        ("topic~product:12", "'product:12' is no dimension of a pair"),
    ],
)  # fmt: skip
def test_a_pair_that_is_wrong_is_refused_in_a_sentence(pair: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(environ={}, overrides={"monitor.pairs": [pair]})
    assert f"monitor.pairs from the command line is ['{pair}']: '{pair}': {said}" in str(refused.value)


@pytest.mark.parametrize(
    "monitor, said",
    [
        ({"pairs": ["topic~product", "topic~channel", "topic~product"]},
         "'topic~product': it stands there twice; leave one out"),
        ({"pairs": ["topic~segment:tier"]},
         "'topic~segment:tier': segment:tier is not followed by itself; add tier to monitor.segments"),
        ({"pairs": ["topic~product"], "products": False},
         "'topic~product': product is not followed by itself; set monitor.products to true"),
    ],
)  # fmt: skip
def test_a_pair_has_parts_that_are_followed_and_stands_there_once(monitor: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(environ={}, overrides={f"monitor.{name}": value for name, value in monitor.items()})
    assert str(refused.value).endswith(said)


def test_pairs_are_off_where_nobody_asks_for_them() -> None:
    assert load_settings(environ={}).monitor.pairs == ()
    said = load_settings(environ={"VOCENGINE_MONITOR__PAIRS": "[topic~product, topic~segment:region]"})
    assert said.monitor.pairs == ("topic~product", "topic~segment:region")


def _spoken() -> Any:
    """An event on two topics; of the second, other things are said than in all."""
    event = enriched(1, score=-0.8, at=START, text="The kettle leaks. The courier was friendly.")
    bad, good = Sentiment("negative", -0.8, 0.85, 0.1, 0.05), Sentiment("positive", 0.6, 0.1, 0.2, 0.7)
    spans = (
        Span(0, 17, bad, (), (SpanTopic(1, "Leaks", 0.9),)),
        Span(18, 43, good, (), (SpanTopic(2, "Delivery", 0.9),)),
    )
    return replace(event, spans=spans, product="K~1 50%", segments={"region": "north"}, journey_stage=None)


PAIRED = Monitored(pairs=("topic~product", "topic~segment:region", "product~channel"))


def test_a_pair_with_a_topic_has_the_sentiment_of_the_topic_and_any_other_that_of_the_whole() -> None:
    event = _spoken()
    said = {m.key: m for m in mentions_of(event, PAIRED)}
    pair, both = said["topic~product:2~K%7E1 50%25"], said["product~channel:K%7E1 50%25~review"]
    assert (pair.kind, pair.label, pair.score) == ("topic~product", "Delivery × K~1 50%", 0.6)
    assert "courier" in pair.excerpt and not pair.negative
    assert (both.label, both.score) == ("K~1 50% × review", -0.8)
    assert said["topic~segment:1~region=north"].label == "Leaks × region north"
    assert len(said) == len(mentions_of(event, Monitored())) + 5
    assert [(m.key, m.kind, m.score) for m in said.values()] == scored_keys(event, PAIRED, said_of_topics(event))


def test_a_pair_and_its_parts_are_not_among_the_other_keys_of_each_other() -> None:
    said = {m.key: m for m in mentions_of(_spoken(), PAIRED)}
    own = "topic~product:1~K%7E1 50%25"
    assert own not in said["topic:1"].also and own not in said["product:K~1 50%"].also
    assert said["channel:review"].also[own] == "Leaks × K~1 50%"
    assert set(said[own].also) == {"topic:2", "channel:review", "segment:region=north", "topic~segment:2~region=north"}
    alone = {m.key: m.also for m in mentions_of(_spoken(), Monitored())}
    assert all(not pairs.parts_of(key) for also in alone.values() for key in also)


def test_a_pair_without_one_of_its_parts_or_with_too_long_a_name_is_not_there() -> None:
    event = replace(_spoken(), product=None)
    assert not [m for m in mentions_of(event, PAIRED) if "product" in m.kind]
    long = replace(_spoken(), product="p" * 512, segments={"region": "r" * 512})
    found = mentions_of(long, Monitored(pairs=("product~segment:region", "topic~product")))
    assert {m.kind for m in found if pairs.parts_of(m.key)} == {"topic~product"}


def test_what_pairs_cost_is_as_the_documentation_says() -> None:
    event = replace(_spoken(), product="kettle", journey_stage="buy")
    spent = {}
    for kinds in ((), ("topic~product",), ("topic~product", "topic~channel")):
        found = mentions_of(event, Monitored(pairs=kinds))
        spent[len(found)] = sum(len(encode(mention)) for mention in found)
    plain, one, two = spent.values()
    assert tuple(spent) == (7, 9, 11)
    assert one / plain == pytest.approx(1.4, abs=0.1) and two / plain == pytest.approx(1.9, abs=0.1)
