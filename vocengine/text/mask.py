"""Personal data out of a text: each found span becomes a token such as `[EMAIL]`, the rest stays as it is.

The method is Presidio's (pattern, then check, then context words); the table is in `recognisers`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vocengine.text.recognisers import RECOGNISERS

KINDS = ("EMAIL", "PHONE", "CARD", "IBAN", "HANDLE", "ADDRESS", "NAME", "TOKEN")

_TOKEN = re.compile(rf"\[(?:{'|'.join(KINDS)})\]")
# People write numbers and addresses in look-alike characters; one for one, so positions stay.
_PLAIN = {
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63", "-"),
    **dict.fromkeys("\u00a0\u2007\u2009\u202f\u3000", " "),
    "\ufe6b": "@",
    "\ufe52": ".",
}
_PLAIN_TABLE = str.maketrans(_PLAIN)
_ANY_PLAIN = re.compile("[" + "".join(map(re.escape, _PLAIN)) + "]")
_ZERO_WIDTH = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")
_ANY_TRIGGER = re.compile(r"[@\d]|://|www\.|\bdot\b|\.[A-Za-z]{2,24}/", re.IGNORECASE)
_MAX_LOOKS = 8


class NameFinder(Protocol):
    """Finds people's names, with whatever model it has."""

    def find(self, text: str) -> Sequence[tuple[int, int]]:
        """Return the `[start, end)` spans of names in `text`."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """One replaced span: its kind and the `[start, end)` of its token in the masked text."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without the personal data that was found, and the tokens that this call put in, in order."""

    text: str
    found: tuple[Found, ...]


def mask(text: str, *, names: NameFinder | None = None) -> Masked:
    """Return `text` with personal data replaced by tokens; takes linear time.

    Masking a masked text changes nothing, and finds nothing (but what a name finder sees anew). Tokens that are
    already there stay and are not listed.
    """
    found: list[Found] = []
    spans = _personal(text)
    if names is not None:
        spans = _with_names(text, spans, names.find(text))
    # A replaced span changes what stands beside its neighbours, so look again until nothing new is found. Text made
    # for the purpose could uncover one span a look, which would take quadratic time.
    for _ in range(_MAX_LOOKS):
        if not spans:
            break
        text, found = _replace(text, spans, found)
        spans = _personal(text)
    return Masked(text, tuple(found))


def _personal(text: str) -> list[tuple[int, int, str]]:
    """Return the disjoint spans to replace and their kinds, in order; earlier recognisers win."""
    if not _ANY_TRIGGER.search(text) and (text.isascii() or not _ANY_PLAIN.search(text)):
        return []
    plain, kept = _plain(text)
    taken = _Taken([match.span() for match in _TOKEN.finditer(plain)] if "[" in plain else [])
    spans: list[tuple[int, int, str]] = []
    for recogniser in RECOGNISERS:
        if not recogniser.trigger.search(plain):
            continue
        closed: list[tuple[int, int]] = []
        reached = 0
        for match in recogniser.pattern.finditer(plain):
            for start, end in recogniser.check(match):
                if reached <= start < end and taken.free(start, end):
                    reached = end
                    closed.append((start, end))
                    spans.append((start, end, recogniser.kind))
            if recogniser.protects:
                closed.append(match.span())
        taken.add(closed)
    if kept is not None:
        spans = [(kept[start], kept[end - 1] + 1, kind) for start, end, kind in spans]
    return sorted(spans)


def _plain(text: str) -> tuple[str, list[int] | None]:
    """Return `text` without look-alikes and zero-width characters, and its positions where those were taken out."""
    if text.isascii():
        return text, None
    if _ANY_PLAIN.search(text):
        text = text.translate(_PLAIN_TABLE)
    if not _ZERO_WIDTH.search(text):
        return text, None
    pieces: list[str] = []
    kept: list[int] = []
    done = 0
    for match in _ZERO_WIDTH.finditer(text):
        pieces.append(text[done : match.start()])
        kept.extend(range(done, match.start()))
        done = match.end()
    pieces.append(text[done:])
    kept.extend(range(done, len(text)))
    return "".join(pieces), kept


class _Taken:
    """Spans that are closed to further replacement: disjoint, sorted, asked in logarithmic time."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.add(spans)

    def free(self, start: int, end: int) -> bool:
        at = bisect_right(self._starts, end - 1)
        return at == 0 or self._ends[at - 1] <= start

    def add(self, spans: list[tuple[int, int]]) -> None:
        if not spans:
            return
        merged: list[list[int]] = []
        for start, end in sorted([*zip(self._starts, self._ends, strict=True), *spans]):
            if merged and start < merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        self._starts = [start for start, _ in merged]
        self._ends = [end for _, end in merged]


def _with_names(
    text: str, spans: list[tuple[int, int, str]], names: Sequence[tuple[int, int]]
) -> list[tuple[int, int, str]]:
    taken = _Taken([*((start, end) for start, end, _ in spans), *(match.span() for match in _TOKEN.finditer(text))])
    named = [(start, end, "NAME") for start, end in sorted(set(names)) if start < end and taken.free(start, end)]
    return sorted([*spans, *named])


def _replace(text: str, spans: list[tuple[int, int, str]], found: list[Found]) -> tuple[str, list[Found]]:
    """Put tokens in place of `spans`, and move what was found before to where it is now."""
    pieces: list[str] = []
    moved: list[Found] = []
    earlier = iter(found)
    waiting = next(earlier, None)
    done = length = 0
    for start, end, kind in spans:
        while waiting is not None and waiting.end <= start:
            moved.append(Found(waiting.kind, waiting.start - done + length, waiting.end - done + length))
            waiting = next(earlier, None)
        token = f"[{kind}]"
        pieces += (text[done:start], token)
        length += start - done
        moved.append(Found(kind, length, length + len(token)))
        length += len(token)
        done = end
    while waiting is not None:
        moved.append(Found(waiting.kind, waiting.start - done + length, waiting.end - done + length))
        waiting = next(earlier, None)
    pieces.append(text[done:])
    return "".join(pieces), moved
