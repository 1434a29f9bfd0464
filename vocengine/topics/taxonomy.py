"""A company's own categories: read from YAML, and placed zero-shot beside the discovered topics.

A category is where its name, description and examples lie in the encoder's space: nothing is trained. Its threshold is
by two things that are at hand before anybody has labelled anything: how near its examples are to each other, and how
near feedback in general is to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from vocengine.errors import TaxonomyError
from vocengine.topics.assign import Topic
from vocengine.topics.discover import LEAST_SIMILARITY

Floats = npt.NDArray[np.float32]

# The threshold lies this part of the way from feedback in general to the examples. Of 0.4 to 1.0 it and 0.75 are best
# on the train splits of Banking77 and CLINC150, with 5 to 150 categories and up to nine in ten questions in none.
_REACH = 0.8
# A few examples tell little of how near a category's texts are to each other: half the weight has the mean of all.
_OWN_WEIGHT = 0.5
_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True)
class Category:
    """A topic as a company defines it; names are told apart without regard to case."""

    name: str
    description: str | None
    examples: tuple[str, ...]

    def texts(self) -> tuple[str, ...]:
        """What places it: its name with its description, then its examples."""
        return (f"{self.name}: {self.description}" if self.description else self.name, *self.examples)


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise ValueError("is blank")
    return text


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(max_length=80), AfterValidator(_one_line)]
    description: Annotated[str, Field(max_length=1_000), AfterValidator(_one_line)] | None = None
    examples: Annotated[
        list[Annotated[str, Field(max_length=1_000), AfterValidator(_one_line)]], Field(min_length=1, max_length=100)
    ]


_ENTRIES = TypeAdapter(Annotated[list[_Entry], Field(min_length=1, max_length=1_000)])


def load_taxonomy(path: Path) -> tuple[Category, ...]:
    """The categories of a YAML file: a list of topics, each with `name`, `examples` and perhaps `description`.

    Raises TaxonomyError naming the file, the category, the field, its value and what would be right.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise TaxonomyError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"{path} cannot be read: {error}") from None
    try:
        return taxonomy_from(document)
    except TaxonomyError as error:
        raise TaxonomyError(f"{path}: {error}") from None


def taxonomy_from(document: object) -> tuple[Category, ...]:
    """The categories of a document as YAML gives it. Raises TaxonomyError as `load_taxonomy` does."""
    if not isinstance(document, list):
        raise TaxonomyError(
            f"a taxonomy is a list of topics, each with name, description and examples; "
            f"this is {'empty' if document is None else f'a {type(document).__name__}'}"
        )
    try:
        entries = _ENTRIES.validate_python(document)
    except ValidationError as error:
        raise TaxonomyError(_fault(error, document)) from None
    categories = tuple(Category(e.name, e.description, tuple(dict.fromkeys(e.examples))) for e in entries)
    named: dict[str, int] = {}
    given: dict[str, str] = {}
    for place, category in enumerate(categories, 1):
        before = named.setdefault(category.name.casefold(), place)
        if before != place:
            raise TaxonomyError(
                f"the name {category.name!r} stands twice, at topics {before} and {place}: "
                "name them apart, or make one of the two"
            )
        for example in category.examples:
            other = given.setdefault(example.casefold(), category.name)
            if other != category.name:
                raise TaxonomyError(
                    f"the example {_shown(example)} stands under {other!r} and under {category.name!r}: "
                    "an example belongs to one topic"
                )
    return categories


def placed(
    categories: Sequence[Category], embed: Callable[[Sequence[str]], Floats], background: Floats
) -> tuple[Topic, ...]:
    """The categories as topics (id 0: to be given one), in order, with centroids and thresholds.

    `embed` gives the unit-length embeddings (n, d) of n texts; `background` (m, d) are those of spans of feedback in
    general. Where m is 0, the examples of the other categories stand in for them.

    The centroid is the normalised mean of name with description and the examples. The threshold lies between the median
    similarity of the background and that of each example to the centroid of the rest (leave one out), which half is the
    category's own mean and half the mean of all: a median is not moved by a category that a tenth of all feedback
    speaks of, and three examples tell little by themselves.
    """
    texts = [category.texts() for category in categories]
    rows = embed([text for own in texts for text in own])
    ends = np.cumsum([len(own) for own in texts])
    parts = np.split(rows, ends[:-1])
    centroids = np.stack([_unit(part.sum(axis=0)) for part in parts])
    left_out = np.array([_left_out(part) for part in parts])
    reach = _OWN_WEIGHT * left_out + (1 - _OWN_WEIGHT) * left_out.mean()
    return tuple(
        Topic(
            topic_id=0,
            label=category.name,
            keywords=(),
            centroid=centroids[i],
            threshold=_threshold(_usual(i, centroids, parts, background), float(reach[i])),
            size=0,
            examples=category.examples,
            origin="taxonomy",
        )
        for i, category in enumerate(categories)
    )


def _left_out(rows: Floats) -> float:
    """Mean similarity of each example to the centroid of the category without it; row 0 is the name."""
    total = rows.sum(axis=0)
    return float(np.mean([rows[i] @ _unit(total - rows[i]) for i in range(1, len(rows))]))


def _usual(place: int, centroids: Floats, parts: Sequence[Floats], background: Floats) -> float:
    """How near to the category feedback in general is."""
    others = [part[1:] for i, part in enumerate(parts) if i != place]
    rows = background if len(background) or not others else np.concatenate(others)
    return float(np.median(rows @ centroids[place])) if len(rows) else 0.0


def _threshold(usual: float, reach: float) -> float:
    return round(max(LEAST_SIMILARITY, usual + _REACH * (reach - usual)), 4)


def _unit(vector: Floats) -> Floats:
    unit: Floats = (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)
    return unit


def _fault(error: ValidationError, document: list[object]) -> str:
    """One sentence about the first fault."""
    fault = error.errors(include_url=False)[0]
    place, *field = fault["loc"] or ("",)
    if not isinstance(place, int):
        return f"a taxonomy has 1 to 1,000 topics; this has {len(document)}"
    entry = document[place]
    name = entry.get("name") if isinstance(entry, dict) else None
    where = f"topic {place + 1}{f' ({name})' if isinstance(name, str) and name.strip() else ''}"
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in field)
    if not key:
        return f"{where} is {_shown(entry)}; name, description and examples are expected"
    match fault["type"]:
        case "missing":
            return f"{where} has no {key}; {_RIGHT.get(key, 'it is required')}"
        case "extra_forbidden":
            return f"{where} has the unknown key {key!r}; there are name, description and examples"
        case "too_short":
            return f"{where} has no {key}; {_RIGHT['examples']}"
        case "value_error":
            return f"{where}: {key} {fault['msg'].removeprefix('Value error, ')}; it should have words"
        case "string_type":
            return f"{where}: {key} is {_shown(fault['input'])}; it should be text, in quotes where need be"
    return f"{where}: {key} is {_shown(fault['input'])}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


_RIGHT = {
    "examples": "give a few sentences such as customers say them",
    "name": "give it one to four words",
}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
