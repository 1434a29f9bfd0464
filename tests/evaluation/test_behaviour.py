"""The behaviour suite is whole, counts what fails, and the engine keeps its promises on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vocengine.encoder.interface import Floats
from vocengine.errors import SettingsError
from vocengine.evaluation import behaviour
from vocengine.evaluation.behaviour import Reading, load_cases, rates
from vocengine.paths import resource

NEGATIVE, NEUTRAL, POSITIVE = np.eye(3, dtype=np.float32)


def suite(tmp_path: Path, text: str) -> list[behaviour.Case]:
    (tmp_path / "one.yaml").write_text(text)
    return load_cases(tmp_path)


def test_the_suite_that_ships_covers_its_capabilities() -> None:
    cases = load_cases(resource("models", "behaviour"))
    counts = Counter(case.capability for case in cases)
    assert len(cases) >= 1_000
    assert len({(case.capability, case.test.name) for case in cases}) >= 30
    assert min(counts[name] for name in ("negation", "contrast", "typos", "emoji", "abstain", "fairness")) >= 50


def test_slots_make_the_product_and_zipped_slots_advance_together(tmp_path: Path) -> None:
    cases = suite(
        tmp_path,
        """
capability: demo
tests:
  - name: demo
    kind: mft
    expect: [negative]
    templates: ["The {thing} was {bad}, truly {worse}."]
    fill: {thing: [bus, bill]}
    zip: {bad: [late, dear], worse: [slow, wrong]}
""",
    )
    assert [case.texts[0] for case in cases] == [
        "The bus was late, truly slow.",
        "The bill was late, truly slow.",
        "The bus was dear, truly wrong.",
        "The bill was dear, truly wrong.",
    ]


@pytest.mark.parametrize(
    ("test", "readings", "fails"),
    [
        ("kind: mft\n    expect: [negative]\n    templates: [a]", [NEGATIVE], 0),
        ("kind: mft\n    expect: [negative]\n    templates: [a]", [NEUTRAL], 1),
        ("kind: mft\n    expect: [negative]\n    templates: [a]", [None], 1),
        ("kind: inv\n    pairs: [[a, b]]", [NEGATIVE, NEGATIVE], 0),
        ("kind: inv\n    pairs: [[a, b]]", [[0.6, 0.2, 0.2], [0.9, 0.1, 0.0]], 1),
        ("kind: dir\n    direction: down\n    pairs: [[a, b]]", [NEUTRAL, NEGATIVE], 0),
        ("kind: dir\n    direction: up\n    pairs: [[a, b]]", [NEUTRAL, NEGATIVE], 1),
        ("kind: abstain\n    templates: [a]", [None], 0),
        ("kind: abstain\n    templates: [a]", [NEUTRAL], 1),
    ],
)
def test_each_kind_of_promise_is_judged(tmp_path: Path, test: str, readings: list[Floats | None], fails: int) -> None:
    cases = suite(tmp_path, f"capability: demo\ntests:\n  - name: demo\n    {test}\n")

    def judge(asked: Sequence[tuple[str, Sequence[tuple[int, int]]]]) -> list[Reading]:
        assert len(asked) == len(readings)
        return [Reading(None if found is None else np.asarray(found, dtype=np.float32), ()) for found in readings]

    outcomes = behaviour.run(cases, judge)
    assert outcomes["demo"].failures == fails
    assert rates(outcomes)["all"] == 100.0 * fails


def test_clauses_are_judged_where_they_stand(tmp_path: Path) -> None:
    cases = suite(
        tmp_path,
        """
capability: demo
tests:
  - name: demo
    kind: spans
    expect_spans: [["The {a} was fine", positive], ["the {b} was not", negative]]
    templates: ["The {a} was fine, but the {b} was not."]
    fill: {a: [bus], b: [bill]}
""",
    )

    def judge(asked: Sequence[tuple[str, Sequence[tuple[int, int]]]]) -> list[Reading]:
        ((text, spans),) = asked
        assert [text[a:b] for a, b in spans] == ["The bus was fine", "the bill was not"]
        return [Reading(NEUTRAL, (POSITIVE, POSITIVE))]

    assert behaviour.run(cases, judge)["demo"].examples == [
        ("The bus was fine, but the bill was not.", "'the bill was not' read positive")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("capability: a\ntests:\n  - {name: x, kind: mft, templates: [a]}", "kind mft needs expect"),
        ("capability: a\ntests:\n  - {name: x, kind: inv}", "kind inv needs pairs"),
        ("capability: a\ntests:\n  - {name: x, kind: abstain, templates: ['{slot}']}", "'slot'"),
        ("capability: [", "is wrong"),
    ],
)
def test_a_suite_that_is_wrong_names_file_and_fault(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        suite(tmp_path, text)
    assert "one.yaml" in str(caught.value)
