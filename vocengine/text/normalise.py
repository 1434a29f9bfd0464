"""What a model reads: one spelling for what people write in many ways, with every character traceable.

The words that mask tokens become are the ones the public tweet data sets use (`@user`, `http`), so texts masked
here look to a model like the texts it was trained on.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

MODEL_WORDS = {
    "HANDLE": "@user",
    "LINK": "http",
    "EMAIL": "email",
    "PHONE": "phone",
    "CARD": "card",
    "IBAN": "account",
    "ADDRESS": "address",
    "NAME": "name",
    "TOKEN": "token",
}

# A run of one letter or sign keeps this many: "sooo" still says more than "so", "soooooo" no more than "sooo".
_LONGEST_RUN = 3

_CHARS = {
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2212", "-"),
    **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000", " "),
}
_CHAR_TABLE = str.maketrans(_CHARS)
_ANY_CHAR = re.compile("[" + "".join(map(re.escape, _CHARS)) + "]")

_TOKEN_NAMES = "|".join(MODEL_WORDS)
_CHANGE = re.compile(
    rf"(?P<link>\[LINK[^\[\]\s]{{0,64}}\]|(?:https?://|www\.)(?:\[(?:{_TOKEN_NAMES})\]|[^\s<>\"\[\]])++)"
    rf"|\[(?P<token>{_TOKEN_NAMES})\]"
    r"|(?P<handle>(?<![\w@])@[A-Za-z0-9_]*[A-Za-z_][A-Za-z0-9_]*+)"
    r"|(?P<dots>[.…]{2,}+|…)"
    # A sign may carry an emoji modifier, which repeats with it.
    r"|(?P<run>(?P<one>[^\d\s][\ufe0f\U0001f3fb-\U0001f3ff]?)(?P=one){3,}+)",
    re.IGNORECASE,
)
_LINK_END = ".,;:!?)'"


@dataclass(frozen=True, slots=True)
class Aligned:
    """A text made from a source text, and where in the source each of its characters comes from.

    `source_start[i]` is the position in the source of character `i`; it never falls. A character stands for the
    source from there to the next greater start (or to `source_length`), so nothing of the source is lost.
    """

    text: str
    source_start: Sequence[int]
    source_length: int

    def to_source(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the source that `[start, end)` of this text stands for, whole where it was replaced."""
        starts = self.source_start
        if start >= end:
            at = starts[start] if start < len(starts) else self.source_length
            return at, at
        after = bisect_right(starts, starts[end - 1])
        return starts[start], starts[after] if after < len(starts) else self.source_length

    def from_source(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of this text that stands for any part of `[start, end)` of the source."""
        starts = self.source_start
        if start >= end:
            at = bisect_left(starts, start)
            return at, at
        first = max(bisect_right(starts, start) - 1, 0)
        return (bisect_left(starts, starts[first]) if starts else 0), bisect_left(starts, end)


def normalise(text: str) -> Aligned:
    """Return `text` as models read it, aligned with `text`; takes linear time.

    Runs of a letter or sign become three ("soooooo" → "sooo", "!!!!!!" → "!!!"), an ellipsis three dots, curly
    quotes and full-width forms ASCII, URLs `http`, handles `@user`, and mask tokens the words of `MODEL_WORDS`.
    """
    # Character for character first: runs are then found across forms ("！！!!").
    plain = text if text.isascii() or not _ANY_CHAR.search(text) else text.translate(_CHAR_TABLE)
    pieces: list[str] = []
    starts: array[int] | None = None
    done = 0
    for match in _CHANGE.finditer(plain):
        begin, end = match.span()
        if match.lastgroup == "link" and plain[begin] != "[":
            end = begin + len(match[0].rstrip(_LINK_END))
        word, kept = _replacement(match)
        if word == plain[begin:end]:
            continue
        if starts is None:
            starts = array("L")
        pieces.append(plain[done:begin])
        pieces.append(word)
        starts.extend(range(done, begin))
        starts.extend(range(begin, begin + len(word)) if kept else [begin] * len(word))
        done = end
    if starts is None:
        return Aligned(plain, range(len(plain)), len(text))
    pieces.append(plain[done:])
    starts.extend(range(done, len(plain)))
    return Aligned("".join(pieces), starts, len(text))


def _replacement(match: re.Match[str]) -> tuple[str, bool]:
    """Return what a match becomes, and whether its characters are the first ones of the source, one for one."""
    kind = match.lastgroup
    if kind == "link":
        return MODEL_WORDS["LINK"], False
    if kind == "handle":
        return MODEL_WORDS["HANDLE"], False
    if kind == "token":
        return MODEL_WORDS[match["token"].upper()], False
    if kind == "dots":
        found = match[0]
        dots = len(found) + 2 * found.count("…")
        return "." * min(dots, _LONGEST_RUN), "…" not in found
    return match[0][: len(match["one"]) * _LONGEST_RUN], True
