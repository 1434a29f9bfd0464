"""One voice a customer and day, and one a text: retweets and copied reviews are not many people's opinions.

A key remembers whom and what it heard in a small table of hashes, each at the place that its low bits say, with the
day mixed in, so that nothing needs clearing. A newer one takes the place of an older one: in a busy key a repetition
may be heard again once some hundred others have spoken since, which then weighs little. The table grows with the
traffic up to a bound.
"""

from __future__ import annotations

import re
from array import array
from functools import lru_cache
from zlib import crc32

_FIRST, _MOST = 8, 64
# Before the words of somebody else: `RT @user:`, also where the handle is masked, several times over.
_FORWARDED = re.compile(r"^(?:\s*(?:rt\b|via\b|fwd?:|re:)?\s*(?:@\w+|\[handle\])[\s:,]*|\s*rt\b[\s:]*)+", re.IGNORECASE)
_ASIDE = re.compile(r"\[[A-Z]+\]|https?://\S+|@\w+")
_WORD = re.compile(r"[^\W_]+")
# Two people may well write "thank you so much"; they do not both write this many words alike.
_LEAST_WORDS = 6
# A cut excerpt or an added hashtag leaves the beginning as it is.
_COMPARED_WORDS, _COMPARED_CHARS = 16, 100
_MAY_FORWARD = frozenset("RrVvFf@[ \t\n")


def fingerprint(text: str) -> int | None:
    """A hash of the words that a text begins with, the same for its copies; None where it is too short to tell."""
    # Most texts begin with a plain word, and their first line tells them apart.
    plain = _FORWARDED.sub("", text) if text[:1] in _MAY_FORWARD else text
    if "[" in plain or "@" in plain or "://" in plain:
        plain = _ASIDE.sub(" ", plain)
    words = _WORD.findall(plain[:_COMPARED_CHARS].lower())
    if len(words) < _LEAST_WORDS:
        return None
    return crc32(" ".join(words[:_COMPARED_WORDS]).encode())


# The mentions of one event follow each other, and most of them have its one voice and its one text.
@lru_cache(maxsize=8)
def marks(who: str, text: str, day: int) -> tuple[int, ...]:
    """What a key is to remember of a voice that says a text on that day: a hash of each, where the text has one."""
    voice, said = crc32(who.encode()), fingerprint(text)
    return (_mixed(voice, day),) if said is None else (_mixed(voice, day), _mixed(said ^ 0x9E3779B9, day))


def hear(heard: array[int], marks: tuple[int, ...]) -> bool:
    """Whether none of the `marks`, voice or text, was heard on their day; they are remembered in `heard`."""
    fresh = True
    for mark in marks:
        size = len(heard)
        if size < _MOST and (not size or heard[(mark >> 8) & (size - 1)] not in (0, mark)):
            _grow(heard)
            size = len(heard)
        place = (mark >> 8) & (size - 1)
        if heard[place] == mark:
            fresh = False
        else:
            heard[place] = mark
    return fresh


def _mixed(value: int, day: int) -> int:
    return ((value ^ (day * 2_654_435_761)) * 2_246_822_519 & 0xFFFFFFFF) or 1


def _grow(heard: array[int]) -> None:
    """Twice as many places; each hash moves to its own."""
    old = [one for one in heard if one]
    size = 2 * len(heard) or _FIRST
    heard[:] = array("I", bytes(heard.itemsize * size))
    for one in old:
        heard[(one >> 8) & (size - 1)] = one
