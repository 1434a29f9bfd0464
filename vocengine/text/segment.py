"""Sentences and clauses: the pieces of a text that can carry a sentiment and a topic of their own.

Regular expressions and a few rules, at some microseconds a tweet; a parser would take milliseconds. Clauses are cut
where people turn ("the food was great **but** the service was slow"), not at every clause of the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MIN_CLAUSE_WORDS = 3

# A line that long, going on in lower case, was wrapped by a program and goes on.
_WRAPPED_LINE_CHARS = 60

_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        "mr mrs ms dr prof sr jr st vs e.g eg i.e ie cf al approx dept est gen sgt capt rev hon tel ext min "
        "max misc incl excl ave blvd rd apt fig vol ed pp jan feb mar apr jun jul aug sep sept oct nov dec "
        "mon tue wed thu fri u.s u.k ph.d a.k.a bzw z.b",
    )
)
# These end a sentence when a capital follows, and numbers ("No. 5") never do.
_OPEN_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        "etc inc ltd co corp llc a.m p.m am pm",
    )
)
_BEFORE_NUMBER = frozenset(
    re.findall(
        r"\S+",
        "no nos nr p art sec ch",
    )
)
_TOP_LEVEL = re.compile(r"(?:com|net|org|co|io|uk|de|us|js|tv|app|ai)\b", re.IGNORECASE)

_PICTURES = "\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\u200d\U0001f000-\U0001faff\U000e0020-\U000e007f"
_BULLETS = "•‣▪▫◦●■✔✅❌✖➡➤►▶👉🔹🔸☑"
_HEARTS = "\u2764\u2665\u2763"
_AFTERTHOUGHT = rf"(?:[ \t]*+(?:(?![{_BULLETS}])[{_PICTURES}]++|[:;=8]['-]?[()DPpOo/|3](?!\w)|<3|[xX]D\b))*+"
_CLOSERS = r"[\"')\]\u2019\u201d\u00bb*_]*+"
_BOUNDARY = re.compile(
    rf"(?P<stop>(?<![.!?\u2026])[.!?\u2026]++{_CLOSERS}{_AFTERTHOUGHT}(?=\s|$))"
    # No blank follows in scripts that have none, and where it was forgotten ("so slow.The staff").
    rf"|(?P<wide>[。！？｡\u061f\u06d4\u0964\u0965]++{_CLOSERS}{_AFTERTHOUGHT})"
    r"|(?P<glued>(?<=[a-z]{2})[.!?]++(?=[A-Z][a-z]))"
    rf"|(?P<picture>(?<![{_PICTURES}])(?![{_BULLETS}])[{_PICTURES}]++(?=[ \t]{{1,3}}[A-Z]))"
    # An empty line, or the next item of a list.
    rf"|(?P<paragraph>\n(?:[ \t]*+\n\s*+|(?=[ \t]{{0,8}}(?:\d{{1,2}}[.)]|[-*{_BULLETS}])\s)))"
)

_SUBJECT = r"(?=\s+(?:i|we|they|he|she|it|it's|its|you|there|the|my|our|this|that|no|nobody|none|i'm|i've)\b)"
# Each alternative is cut before, with the "and" or "but" that leads it.
_TURN = re.compile(
    r"(?:(?<=\s)|(?<=[,;:)]))(?:"
    r"(?:and |but |or )?(?:even though|although|whereas|however|on the other hand|in contrast|despite|in spite of|"
    r"unfortunately|luckily|sadly|thankfully)\b"
    r"|(?<!nothing )(?<!anything )(?<!everything )(?<!all )(?<!none )(?<!help )(?<!not least )(?<!last )but\b"
    r"(?! (?:not least|also)\b)"
    r"|(?<!as )(?<!even )though\b"
    r"|(?<!\ba )(?<!\ba little )(?<!quite a )(?<!your )(?<!my )(?<!our )(?<!the )(?<!worth )(?<!short )while\b"
    r"|(?<!would )(?<!could )except\b"
    rf"|(?:(?<=, )|(?<=; ))(?:yet|still|otherwise)\b|(?:and )(?:yet|still)\b(?! again)|(?:yet|otherwise)\b{_SUBJECT}"
    r")(?=[\s,:])",
    re.IGNORECASE,
)
_MARK = re.compile(r";(?=\s)|(?<=\s)[-\u2013](?=\s)|--++|\u2014|(?<=[^\s.])\.{2,}+(?=\s)|(?<=\S)\u2026(?=\s)|\n")
# "Although the food was great, the service was slow" turns at its comma.
_LEADING_TURN = re.compile(
    r"\W{0,3}(?:and |but )?(?:although|though|even though|while|whereas|despite|in spite of|except for|apart from)\b",
    re.IGNORECASE,
)
_COMMA = re.compile(r",(?=\s)")
_TURN_HINT = re.compile(
    r"but\b|though|while|however|whereas|except|despite|spite|yet\b|still\b|otherwise|other hand|contrast|"
    r"unfort|luckily|sadly|thankf|apart from",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text, `[start, end)` in characters: a whole sentence, or one of the clauses it was cut into."""

    start: int
    end: int
    kind: Literal["sentence", "clause"]


def segment(text: str) -> list[Segment]:
    """Return the sentences and clauses of `text`, in order, disjoint, trimmed, covering all that is not blank.

    A clause has at least three words; pieces without any word (signs, emoji) stay with the sentence before them.
    Takes linear time.
    """
    segments: list[Segment] = []
    for start, end in _sentences(text):
        cuts = _cuts(text, start, end)
        if not cuts:
            segments.append(Segment(start, end, "sentence"))
            continue
        for begin, stop in zip([start, *cuts], [*cuts, end], strict=True):
            begin, stop = _trimmed(text, begin, stop)
            segments.append(Segment(begin, stop, "clause"))
    return segments


def _sentences(text: str) -> list[tuple[int, int]]:
    sentences: list[tuple[int, int]] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        if _ends_sentence(text, start, match):
            _add_sentence(text, start, match.end(), sentences)
            start = match.end()
    _add_sentence(text, start, len(text), sentences)
    return sentences


def _add_sentence(text: str, start: int, end: int, sentences: list[tuple[int, int]]) -> None:
    start, end = _trimmed(text, start, end)
    if start == end:
        return
    if sentences and not _has_word(text, start, end):
        sentences[-1] = (sentences[-1][0], end)
    elif len(sentences) == 1 and not _has_word(text, *sentences[0]):
        sentences[0] = (sentences[0][0], end)
    else:
        sentences.append((start, end))


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    kind, at = match.lastgroup, match.start()
    if kind == "glued":
        # Not inside a link, an address or a name such as Booking.Com.
        word = text[max(at - 64, start) : at].rpartition(" ")[2]
        return not (
            any(sign in word for sign in "/@.") or word.startswith("www") or _TOP_LEVEL.match(text, match.end())
        )
    if kind == "picture":
        return match[0][0] not in _HEARTS and len(_WORD.findall(text[max(start, at - 200) : at])) >= MIN_CLAUSE_WORDS
    if kind != "stop":
        return True
    following = text[match.end() : match.end() + 16].lstrip()[:1]
    if match[0][0] != "." or "!" in match[0] or "?" in match[0]:
        # An ellipsis that goes on in lower case may end a clause, but no sentence.
        return not (match[0][0] == "\u2026" and following.islower())
    if match[0].startswith(".."):
        return not following.islower()
    word = text[max(at - 32, start) : at].rpartition(" ")[2].rpartition("\n")[2].lstrip("(\"'[").lower()
    if word in _ABBREVIATIONS:
        return not following
    if word in _OPEN_ABBREVIATIONS:
        return not following.islower() and not following.isdigit()
    if word in _BEFORE_NUMBER:
        return not following.isdigit()
    if len(word) == 1 and word.isalpha() and word != "i":
        # An initial: "J. Smith". A letter on its own rarely ends a sentence before a capital.
        return not text[at - 1].isupper() or not following.isupper()
    # The number of a list item: "1. Fast delivery".
    return not (word.isdigit() and len(word) <= 2 and not _has_word(text, start, at - len(word)))


def _cuts(text: str, start: int, end: int) -> list[int]:
    """Return where the sentence `[start, end)` is cut into clauses, each of at least MIN_CLAUSE_WORDS words."""
    candidates = sorted(set(_candidates(text, start, end)))
    if not candidates:
        return []
    counts = [
        len(_WORD.findall(text, begin, stop))
        for begin, stop in zip([start, *candidates], [*candidates, end], strict=True)
    ]
    remaining = sum(counts)
    cuts: list[int] = []
    current = 0
    for cut, count in zip(candidates, counts[:-1], strict=True):
        current += count
        remaining -= count
        if current >= MIN_CLAUSE_WORDS and remaining >= MIN_CLAUSE_WORDS:
            cuts.append(cut)
            current = 0
    return cuts


def _candidates(text: str, start: int, end: int) -> Iterator[int]:
    line = start
    for match in _MARK.finditer(text, start, end):
        if match[0] == "\n":
            wrapped = match.start() - line >= _WRAPPED_LINE_CHARS and text[match.end() : match.end() + 1].islower()
            line = match.end()
            if wrapped:
                continue
        yield match.end()
    if _TURN_HINT.search(text, start, end):
        for match in _TURN.finditer(text, start + 1, end):
            yield match.start()
        leading = _LEADING_TURN.match(text, start, end)
        comma = _COMMA.search(text, leading.end(), end) if leading else None
        if comma:
            yield comma.end()


def _has_word(text: str, start: int, end: int) -> bool:
    return _WORD.search(text, start, end) is not None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
