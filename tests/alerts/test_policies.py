"""Policies: which one holds for a key, what it makes of an alert, and what is refused with which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.notify.alerts import alert
from vocengine.alerts import Budget, DetectorPolicy
from vocengine.alerts.budget_words import budget_of
from vocengine.alerts.policies import Policies, PolicyRules
from vocengine.alerts.policy_conflicts import check_routes
from vocengine.alerts.policy_files import load_policies, policies_from
from vocengine.alerts.policy_report import WatchedKey, budget_shares, holdings
from vocengine.contracts.alert import Severity
from vocengine.errors import PolicyError
from vocengine.key_patterns import covers, matches
from vocengine.paths import resource

TOPIC_FALL, EMERGING = "topic_sentiment_fall", "emerging_topic"


def made(*policies: dict[str, Any], owners: list[str] | None = None, at_most: str | None = None) -> Policies:
    more = {"owners": owners, "at_most": at_most}
    document = {"policies": list(policies)} | {name: value for name, value in more.items() if value}
    return policies_from({"shop.yaml": document})


def policy(name: str = "p", *keys: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "keys": list(keys) or ["*"], **more}


def holding(found: Policies, key: str, kind: str = TOPIC_FALL) -> str | None:
    policy = found.of(key, kind)
    return policy.name if policy else None


def test_the_example_loads_and_says_its_budget() -> None:
    found = load_policies(resource("configs", "alerts"))
    assert found.budget == Budget(1, 7) and found.owners == ("cx-lead", "shop", "accounts")
    assert holding(found, "product:checkout-2", "product_sentiment_fall") == "checkout"
    assert holding(found, "customer:test-7", "customer_sentiment_fall") == "tests"
    assert holding(found, "topic:1") == "everything"


def test_the_most_specific_policy_holds_and_it_alone() -> None:
    found = made(
        policy("all", "*", min_effect=0.2),
        policy("topics", "topic:*", importance=2),
        policy("ones", "topic:1*"),
        policy("one", "topic:1"),
        policy("new", "*", kinds=[EMERGING]),
    )
    assert [p.name for p in found.speaking("topic:1", TOPIC_FALL)] == ["one", "ones", "topics", "all"]
    assert [holding(found, key) for key in ("topic:12", "topic:2", "product:1")] == ["ones", "topics", "all"]
    assert holding(found, "candidate:3", EMERGING) == "new", "naming the kind is the more specific"
    base = DetectorPolicy()
    rule = PolicyRules(found, base).rule_of("topic:2", "topic")
    assert rule is not None and (rule.policy, rule.importance) == (base, 2), "nothing comes from the policy above"


def test_what_is_left_out_is_no_longer_spoken_of() -> None:
    found = made(policy("p", "product:*", **{"except": ["product:*-old", "product:test"]}))
    assert holding(found, "product:kettle") == "p"
    assert holding(found, "product:kettle-old") is holding(found, "product:test") is None


def test_rules_put_the_policy_in_the_place_of_the_settings() -> None:
    found = made(
        policy("p", "product:*", min_effect=0.2, min_history_mentions=9, min_observed_mentions=4, cool_down_h=3),
        policy("quiet", "channel:social", mute=True),
    )
    rules = PolicyRules(found, DetectorPolicy(), importance_of=lambda key: 3.0 if key == "topic:1" else 1.0)
    rule = rules.rule_of("product:kettle", "product")
    assert rule is not None and rule.policy == DetectorPolicy(0.2, 9, 9, 4, timedelta(hours=3))
    assert rules.rule_of("channel:social", "channel") is None
    unspoken = rules.rule_of("topic:1", "topic")
    assert unspoken is not None and (unspoken.policy, unspoken.importance) == (DetectorPolicy(), 3)


@pytest.mark.parametrize(
    ("severity", "found", "becomes"),
    [
        ({"at_least": "high"}, "low", "high"),
        ({"at_least": "high"}, "critical", "critical"),
        ({"at_most": "medium"}, "critical", "medium"),
        ({"at_least": "medium", "at_most": "high"}, "high", "high"),
        ("critical", "low", "critical"),
    ],
)
def test_severities_are_pulled_into_the_bounds(severity: Any, found: Severity, becomes: Severity) -> None:
    applied = made(policy("p", "product:*", severity=severity)).applied([alert(severity=found)])
    assert [a.severity for a in applied] == [becomes]


def test_a_muted_key_raises_nothing_and_others_stay_as_they_are() -> None:
    found = made(policy("quiet", "candidate:*", mute=True))
    emerging, fall = alert(key="candidate:1", kind=EMERGING), alert()
    assert found.applied([emerging, fall]) == [fall]


def test_quiet_hours_go_by_the_local_clock_and_let_critical_ones_pass() -> None:
    night = {"from": "20:00", "to": "07:00"}
    [loud] = made(policy("p", time_zone="Europe/Berlin", quiet_hours=night)).all
    evening = datetime(2026, 7, 1, 18, 30, tzinfo=UTC)  # 20:30 in Berlin
    assert loud.due("high", evening) == datetime(2026, 7, 2, 5, tzinfo=UTC)
    assert loud.due("critical", evening) == evening
    assert loud.due("high", evening - timedelta(hours=1)) == evening - timedelta(hours=1)
    [still] = made(policy("p", time_zone="Europe/Berlin", quiet_hours=night, critical_passes=False)).all
    assert still.due("critical", evening) == datetime(2026, 7, 2, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "budget"),
    [
        ("1 false alert per week", Budget(1, 7)),
        ("2 alarms a  Month", Budget(2, 365.25 / 12)),
        ("0.5 false alarms every 2 days", Budget(0.5, 2)),
        ("3 false alerts in 10 weeks", Budget(3, 70)),
    ],
)
def test_a_budget_is_said_in_words(words: str, budget: Budget) -> None:
    assert budget_of(words) == budget
    assert made(policy(), at_most=words).budget == budget


REFUSED: list[tuple[str, Any, str]] = [
    ("nothing in it", None, "shop.yaml is empty: policies, and if you like owners and at_most, are expected"),
    ("a list", [policy()], "shop.yaml is a list: policies, and"),
    ("no policies", {"policies": []}, "shop.yaml: policies is []: list should have at least 1 item"),
    ("an unknown field of a file", {"polices": [], "policies": [policy()]}, "shop.yaml: polices is unknown; there are"),
    (
        "an unknown field",
        {"policies": [policy(minimal_effect=1)]},
        "shop.yaml: policy 'p': minimal_effect is unknown; there are name, keys, except, kinds, min_effect,",
    ),
    ("no keys", {"policies": [{"name": "p"}]}, "shop.yaml: policy 'p': keys: it is required"),
    ("a text for a list", {"policies": [{"name": "p", "keys": "*"}]}, "policy 'p': keys is '*': a list is expected"),
    ("an unknown kind of key", {"policies": [policy("p", "topic:1", "produkt:*")]},
     "shop.yaml: policy 'p': keys.1 is 'produkt:*': 'produkt' is no kind of key; there are topic, customer, product,"),
    ("an unknown dimension", {"policies": [policy("p", "topic~shop:*")]},
     "policy 'p': keys.0 is 'topic~shop:*': 'topic~shop' is no kind of pair; there are topic~product, topic~channel,"),
    ("a pair the other way round", {"policies": [policy("p", "product~topic:*")]},
     "policy 'p': keys.0 is 'product~topic:*': 'product~topic' is written topic~product"),
    ("a dimension with itself", {"policies": [policy("p", "topic~topic:*")]}, "'topic~topic' pairs topic with itself"),
    ("half a pair", {"policies": [policy("p", "topic~product:12")]},
     "keys.0 is 'topic~product:12': a key of a pair has two names with one ~ between them, such as topic~product:"),
    ("a bare percent sign in a pair", {"policies": [policy("p", "topic~product:*~50%")]},
     "a % in a name of a pair is written %25, and a ~ %7E"),
    ("one to leave out", {"policies": [policy(**{"except": ["top:1"]})]}, "policy 'p': except.0 is 'top:1': 'top' is"),
    ("no kind of key at all", {"policies": [policy("p", "kettle")]}, "keys.0 is 'kettle': a key is kind:name, such as"),
    ("an unknown kind of alert", {"policies": [policy(kinds=["fall"])]},
     "policy 'p': kinds.0 is 'fall': there are topic_sentiment_fall, "),
    ("kinds that the keys cannot have", {"policies": [policy("p", "topic:*", kinds=["customer_sentiment_fall"])]},
     "policy 'p': keys.0 is 'topic:*', whose alerts are of none of its kinds; they are of topic_sentiment_fall"),
    ("keys that are all left out", {"policies": [policy("p", "topic:1*", **{"except": ["topic:*"]})]},
     "policy 'p': keys.0 is 'topic:1*', and except has 'topic:*': no key is left of it"),
    ("an effect out of range", {"policies": [policy(min_effect=5)]}, "policy 'p': min_effect is 5: input should be"),
    ("a history too short", {"policies": [policy("p", "topic:*", min_history_mentions=3)]},
     "policy 'p': min_history_mentions is 3: 5 are the least, but for a policy whose keys are all customers"),
    ("bounds the wrong way round", {"policies": [policy(severity={"at_least": "high", "at_most": "low"})]},
     "policy 'p': severity.at_least is high and at_most low: at_most should be no milder"),
    ("a severity that is none", {"policies": [policy(severity="grave")]}, "is 'grave': there are low, medium, high"),
    ("a zone that is none", {"policies": [policy(time_zone="Berlin")]},
     "policy 'p': time_zone is 'Berlin': no such zone; write one such as Europe/Berlin"),
    ("quiet hours that never end", {"policies": [policy(quiet_hours={"from": 480, "to": "08:00"})]},
     "policy 'p': quiet_hours begin and end at 08:00"),
    ("a time that is none", {"policies": [policy(quiet_hours={"from": "8 pm", "to": "08:00"})]},
     "policy 'p': quiet_hours.from is '8 pm': a time of day is expected, such as \"08:00\""),
    ("a deadline of none", {"policies": [policy(deadline_h={"high": 0})]}, "policy 'p': deadline_h.high is 0: "),
    ("an unknown deadline", {"policies": [policy(deadline_h={"urgent": 1})]},
     "policy 'p': deadline_h.urgent is unknown; there are critical, high, medium, low"),
    ("an unknown owner", {"owners": ["shop"], "policies": [policy(owner="shpo")]},
     "shop.yaml: policy 'p': owner is 'shpo', who is unknown; there are shop"),
    ("an owner and no owners", {"policies": [policy(owner="shop")]}, "no file has owners; add owners: [shop]"),
    ("a budget of nothing", {"at_most": "0 false alerts per week", "policies": [policy()]},
     "shop.yaml: at_most is '0 false alerts per week': a test that is never wrong never reports anything; write more"),
    ("a budget that is none", {"at_most": "few", "policies": [policy()]},
     "shop.yaml: at_most is 'few': write it such as 1 false alert per week"),
    ("a route twice", {"policies": [policy(routes=["a", "a"])]}, "policy 'p': routes has 'a' twice"),
    ("two of one name", {"policies": [policy("p", "topic:1"), policy("p", "topic:2")]},
     "two policies are called 'p', the other in shop.yaml: name them apart"),
    ("two of the same keys", {"policies": [policy("a", "topic:*"), policy("b", "topic:*")]},
     "shop.yaml: policies 'a' and 'b' both speak of topic_sentiment_fall on keys that fit 'topic:*': make keys or"),
    ("two that are equally specific", {"policies": [policy("a", "product:k*"), policy("b", "product:*e")]},
     "on keys that fit 'product:k*' and 'product:*e', which are equally specific"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_it_is_refused_with_a_sentence(document: Any, says: str) -> None:
    with pytest.raises(PolicyError) as refused:
        policies_from({"shop.yaml": document})
    assert says in str(refused.value) and "\n" not in str(refused.value)


def test_equal_keys_of_different_kinds_and_overlaps_that_are_left_out_are_no_conflict() -> None:
    made(policy("a", "topic:*"), policy("b", "topic:*", kinds=[TOPIC_FALL]))
    made(policy("a", "topic:*", "candidate:*", kinds=[EMERGING, TOPIC_FALL]), policy("b", "customer:*"))
    made(policy("a", "product:k*", **{"except": ["product:*e"]}), policy("b", "product:*e"))


def test_a_folder_is_read_together_and_its_files_are_named(tmp_path: Path) -> None:
    def write(name: str, document: dict[str, Any]) -> None:
        (tmp_path / name).write_text(yaml.safe_dump(document))

    write("a.yaml", {"at_most": "1 false alert per week", "owners": ["shop"], "policies": [policy("a", "topic:*")]})
    write("b.yml", {"policies": [policy("b", "product:*", owner="shop")]})
    (tmp_path / "notes.txt").write_text("not read")
    found = load_policies(tmp_path)
    assert [(p.name, Path(p.file).name) for p in found.all] == [("a", "a.yaml"), ("b", "b.yml")]
    write("b.yml", {"at_most": "2 false alerts per week", "policies": [policy("b", "product:*")]})
    with pytest.raises(
        PolicyError, match=r"b\.yml: at_most is '2 false alerts per week', and .*a\.yaml has an at_most"
    ):
        load_policies(tmp_path)
    write("b.yml", {"policies": [policy("b", "topic:*")]})
    with pytest.raises(PolicyError, match=r"b\.yml and .*a\.yaml: policies 'a' and 'b' both speak of"):
        load_policies(tmp_path)
    (tmp_path / "b.yml").write_text("policies: [")
    with pytest.raises(PolicyError, match=r"b\.yml is not valid YAML at line 1"):
        load_policies(tmp_path)


def test_a_path_that_holds_no_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="has no file of policies in it"):
        load_policies(tmp_path)
    with pytest.raises(PolicyError, match="is neither a file nor a folder"):
        load_policies(tmp_path / "gone")
    assert load_policies(None).all == ()


def test_a_route_that_is_not_there_or_takes_none_of_the_alerts_is_refused() -> None:
    found = made(policy("p", "product:*", routes=["leads"])).all
    falls = ("product_sentiment_fall", TOPIC_FALL)
    assert check_routes(found, {"leads": (falls, ("*",))}) is None
    assert "routes.0 is 'leads', which is unknown; there are a, b" in str(
        check_routes(found, {"a": ((), ()), "b": ((), ())})
    )
    assert "notify.routes names no file" in str(check_routes(found, {}))
    for kinds, keys in (((EMERGING,), ("*",)), (falls, ("topic:*",))):
        assert "takes no alert on its keys" in str(check_routes(found, {"leads": (kinds, keys)}))


def test_the_budget_is_shared_by_kind_and_signal_and_within_them_by_mentions_times_importance() -> None:
    keys = [("topic:1", 30.0), ("topic:2", 10.0), ("topic:3", 50.0), ("customer:C", 2.0), ("product:idle", 0.0)]
    watched = [WatchedKey(key, key.partition(":")[0], key, a_day) for key, a_day in keys]
    found = made(policy("p", "topic:2", importance=3), policy("no", "topic:3", mute=True))
    rules = PolicyRules(found, DetectorPolicy())
    assert budget_shares(watched, rules) == {"topic:1": 0.25, "topic:2": 0.25, "customer:C": 0.5}
    # Anger is watched on topics, and is a third part.
    with_anger = budget_shares(watched, rules, ("anger",))
    assert with_anger == pytest.approx({"topic:1": 1 / 3, "topic:2": 1 / 3, "customer:C": 1 / 3})
    held = {h.policy.name if h.policy else None: h for h in holdings(found, watched, with_anger)}
    assert [one.key for one in held[None].keys] == ["topic:1", "customer:C", "product:idle"]
    assert held["no"].share == 0 and held["p"].share == pytest.approx(1 / 3)


@given(st.text("ab*", max_size=6), st.text("ab*", max_size=6), st.text("ab", max_size=6))
def test_a_pattern_that_covers_another_fits_all_its_keys(general: str, special: str, key: str) -> None:
    if covers(general, special) and matches(special, key):
        assert matches(general, key)


@given(
    st.lists(st.sampled_from(["*", "topic:*", "topic:1*", "topic:*2", "topic:12", "product:*"]), unique=True), st.data()
)
def test_what_is_let_through_never_has_two_policies_of_one_rank(patterns: list[str], data: st.DataObject) -> None:
    policies = [policy(f"p{i}", pattern) for i, pattern in enumerate(patterns)] or [policy()]
    try:
        found = made(*policies)
    except PolicyError:
        return
    key = data.draw(st.sampled_from(["topic:1", "topic:12", "topic:112", "topic:2", "product:12"]))
    kind = f"{key.partition(':')[0]}_sentiment_fall"
    ranks = [rank for p in found.all if (rank := p.rank(key, kind)) is not None]
    assert len(ranks) == len(set(ranks))


def test_policies_speak_of_pairs_and_of_no_other_keys_by_them() -> None:
    found = made(
        policy("delivery", "topic~product:12~*"),
        policy("pairs", "topic~product:*"),
        policy("topics", "topic:*"),
        policy("all", "*"),
    )
    fall = "pair_sentiment_fall"
    assert holding(found, "topic~product:12~kettle", fall) == "delivery"
    assert holding(found, "topic~product:9~kettle", fall) == "pairs"
    assert holding(found, "product~channel:kettle~chat", fall) == "all"
    assert holding(found, "topic:12", TOPIC_FALL) == "topics"
    with pytest.raises(PolicyError, match="whose alerts are of none of its kinds; they are of pair_sentiment_fall, "):
        made(policy("p", "topic~product:*", kinds=[TOPIC_FALL]))
