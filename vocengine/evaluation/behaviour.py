"""Behaviour by capability: authored cases that a reader of customers must get right (CheckList, Ribeiro et al. 2020).

Tests are templates with slots in `models/behaviour/*.yaml`, whose README tells the format.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vocengine.encoder.interface import SENTIMENT_LABELS, Floats
from vocengine.errors import SettingsError

Label = Literal["negative", "neutral", "positive"]
Kind = Literal["mft", "inv", "dir", "spans", "abstain"]
# A score runs from -1 to 1. A change that no reader would notice, and one beyond which a promise is broken.
_TIE, _MOVED = 0.05, 0.25


class Test(BaseModel):
    """One promise with the templates that try it; see the README of `models/behaviour`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    __test__ = False  # no test class of pytest

    name: str
    kind: Kind
    expect: tuple[Label, ...] = ()
    expect_spans: tuple[tuple[str, Label], ...] = ()
    direction: Literal["up", "down"] | None = None
    templates: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    fill: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    zip: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if self.kind in ("inv", "dir") and not self.pairs:
            raise ValueError(f"{self.name}: kind {self.kind} needs pairs")
        if self.kind in ("mft", "spans", "abstain") and not self.templates:
            raise ValueError(f"{self.name}: kind {self.kind} needs templates")
        if self.kind == "mft" and not self.expect:
            raise ValueError(f"{self.name}: kind mft needs expect")
        if self.kind == "spans" and not self.expect_spans:
            raise ValueError(f"{self.name}: kind spans needs expect_spans")
        if (self.kind == "dir") != (self.direction is not None):
            raise ValueError(f"{self.name}: direction belongs to kind dir")
        if len({len(values) for values in self.zip.values()}) > 1:
            raise ValueError(f"{self.name}: the lists of zip differ in length")
        return self

    def fillings(self) -> Iterator[dict[str, str]]:
        """Every filling of the slots: the product of `fill`, with the lists of `zip` advancing together."""
        together = [dict(zip(self.zip, row, strict=True)) for row in zip(*self.zip.values(), strict=True)] or [{}]
        for row in together:
            for values in itertools.product(*self.fill.values()):
                yield row | dict(zip(self.fill, values, strict=True))


class Capability(BaseModel):
    """A file of tests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    capability: str
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One or two texts and what must hold of them; `spans` are half-open character ranges with their labels."""

    capability: str
    test: Test
    texts: tuple[str, ...]
    spans: tuple[tuple[int, int, Label], ...] = ()


@dataclass(slots=True)
class Outcome:
    """How one reader did at one capability: cases, failures, and the first of these for a look."""

    cases: int = 0
    failures: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    @property
    def failure_rate(self) -> float:
        """Failures in percent of the cases."""
        return 100 * self.failures / self.cases if self.cases else 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of one text: (3,) probabilities or None where it would not say, and of the asked spans."""

    sentiment: Floats | None
    spans: tuple[Floats, ...]


# Texts with the spans that are asked about → a reading of each; spans are judged by whatever the reader has there.
Judge = Callable[[Sequence[tuple[str, Sequence[tuple[int, int]]]]], Sequence[Reading]]


def load_cases(folder: Path) -> list[Case]:
    """All cases of a folder of tests, each once. Raises SettingsError that names file and fault."""
    cases: dict[tuple[str, ...], Case] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            part = Capability.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
            for test in part.tests:
                for case in _cases(part.capability, test):
                    cases.setdefault((test.name, *case.texts), case)
        except (yaml.YAMLError, ValidationError, KeyError, ValueError) as error:
            raise SettingsError(f"behaviour file {path} is wrong: {error}") from None
    if not cases:
        raise SettingsError(f"{folder} has no behaviour tests: *.yaml files are needed")
    return list(cases.values())


def run(cases: Sequence[Case], judge: Judge) -> dict[str, Outcome]:
    """Outcome of each capability, and under its name `capability / test` of each test."""
    asked = [(text, [span[:2] for span in case.spans]) for case in cases for text in case.texts]
    readings = iter(judge(asked))
    found: dict[str, Outcome] = {}
    for case in cases:
        read = [next(readings) for _ in case.texts]
        fault = _fault(case, read)
        for name in (case.capability, f"{case.capability} / {case.test.name}"):
            outcome = found.setdefault(name, Outcome())
            outcome.cases += 1
            if fault is not None:
                outcome.failures += 1
                if len(outcome.examples) < 5:
                    outcome.examples.append((" → ".join(case.texts), fault))
    return found


def _cases(capability: str, test: Test) -> Iterator[Case]:
    for filling in test.fillings():
        for pair in test.pairs:
            texts = tuple(side.format_map(filling) for side in pair)
            if texts[0] != texts[1]:
                yield Case(capability, test, texts)
        for template in test.templates:
            text = template.format_map(filling)
            spans = []
            for wanted, label in test.expect_spans:
                piece = wanted.format_map(filling)
                start = text.find(piece)
                if start < 0:
                    # Templates of one test may differ in the words of a clause; each then names its own.
                    continue
                spans.append((start, start + len(piece), label))
            if test.kind == "spans" and not spans:
                raise ValueError(f"{test.name}: none of expect_spans is in {text!r}")
            yield Case(capability, test, (text,), tuple(spans))


def _fault(case: Case, read: Sequence[Reading]) -> str | None:
    """What is wrong with the reading of a case, None where it holds."""
    test = case.test
    if test.kind == "abstain":
        said = read[0].sentiment
        return None if said is None else f"scored {_label(said)}"
    if any(one.sentiment is None for one in read):
        return "not scored"
    if test.kind == "spans":
        wrong = [
            f"{case.texts[0][start:end]!r} read {_label(found)}"
            for (start, end, label), found in zip(case.spans, read[0].spans, strict=True)
            if _label(found) != label
        ]
        return "; ".join(wrong) or None
    labels, scores = [_label(_given(one)) for one in read], [_score(_given(one)) for one in read]
    if test.kind == "mft":
        return None if labels[0] in test.expect else f"read {labels[0]}"
    if test.kind == "inv":
        same = labels[0] == labels[1] and abs(scores[0] - scores[1]) < _MOVED
        return None if same else f"{labels[0]} {scores[0]:+.2f} became {labels[1]} {scores[1]:+.2f}"
    rise = scores[1] - scores[0] if test.direction == "up" else scores[0] - scores[1]
    return None if rise >= -_TIE else f"{scores[0]:+.2f} became {scores[1]:+.2f}"


def _given(reading: Reading) -> Floats:
    assert reading.sentiment is not None
    return reading.sentiment


def _label(probabilities: Floats) -> Label:
    return SENTIMENT_LABELS[int(np.argmax(probabilities))]  # type: ignore[return-value]


def _score(probabilities: Floats) -> float:
    return float(probabilities[2] - probabilities[0])


def rates(outcomes: Mapping[str, Outcome]) -> dict[str, float]:
    """Failure rate in percent of each capability, and of all cases."""
    parts = {name: outcome for name, outcome in outcomes.items() if " / " not in name}
    cases, failures = sum(o.cases for o in parts.values()), sum(o.failures for o in parts.values())
    found = {name: round(outcome.failure_rate, 1) for name, outcome in sorted(parts.items())}
    return found | {"all": round(100 * failures / max(1, cases), 1)}
