"""What is safe to store, to publish and to show: no control, invisible or direction-switching characters."""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from html.entities import html5

# Unicode's Stream-Safe Text Format (UAX #15, section 13) allows 30 marks on one character. Longer runs carry no
# language, and normalising them takes quadratic time in CPython.
_MAX_MARKS = 30

# Only entities that end with a semicolon: `?a=1&copy=2` is a query, not a copyright sign.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")

_JOINED_SCRIPTS = "\u0620-\u065f\u066e-\u06d3\u06fa-\u08ff\u0900-\u0965\u0971-\u09e5\u0a00-\u0a65\u0a70-\u0dff"
_PICTURES = "\u00a9\u00ae\u203c-\u2049\u2122-\u2bff\u3030-\u303d\u3297\u3299\U0001f000-\U0001faff"
_CONTROL_ASCII = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_INVISIBLE = re.compile(
    # A flag of a region (black flag, tag letters, cancel tag) is kept whole by the callback.
    "\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f"
    # Controls, soft hyphen, direction marks, zero-width blanks, word joiners, annotations, tags, noncharacters.
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
    # The joiners spell words in Arabic and Indic scripts; ZWJ also builds emoji. Anywhere else they hide.
    f"|(?<![{_JOINED_SCRIPTS}])\u200c|\u200c(?![{_JOINED_SCRIPTS}])"
    f"|(?<![{_JOINED_SCRIPTS}{_PICTURES}\ufe0f])\u200d|\u200d(?![{_JOINED_SCRIPTS}{_PICTURES}])"
)
_NOT_WORDS = re.compile(rf"[^\w\s\x00-\x7f]{{{_MAX_MARKS + 1},}}")
_BLANK_LOOKALIKE = str.maketrans({"\u2800": " ", "\u3164": " ", "\uffa0": " "})
_BLANKS = re.compile(r"[^\S\n]{2,}|[^\S\n\t ]")
_LINE_EDGE = re.compile(r"[ \t]?\n[ \t]?")
_EMPTY_LINES = re.compile(r"\n{3,}")


def clean(text: str) -> str:
    """Return `text` as it may be stored and published: NFC, printable, blanks collapsed, ends stripped.

    Removes controls (keeps `\\n` and `\\t`), bidi controls and zero-width characters (keeps joiners inside emoji
    and inside Arabic and Indic words), turns lone surrogates into U+FFFD, unescapes HTML entities once, leaves
    at most one empty line in a row. Linear in the length. Cleaning twice changes nothing but nested entities.
    """
    if text.isascii():
        if text.isprintable() and "&" not in text and "  " not in text:
            return text.strip()
    elif _SURROGATE.search(text):
        # UTF-16 joins the pairs that JSON escapes leave behind and replaces what has no partner.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "&" in text:
        text = _ENTITY.sub(_unescaped, text)
    text = _LINE_END.sub("\n", text)
    if text.isascii():
        text = _CONTROL_ASCII.sub("", text)
    else:
        text = _INVISIBLE.sub(_kept, text).translate(_BLANK_LOOKALIKE)
        text = unicodedata.normalize("NFC", _NOT_WORDS.sub(_without_excess_marks, text))
    text = _BLANKS.sub(" ", text)
    if "\n" in text:
        text = _EMPTY_LINES.sub("\n\n", _LINE_EDGE.sub("\n", text))
    return text.strip()


def _unescaped(match: re.Match[str]) -> str:
    entity = match[0]
    # html.unescape also takes prefixes (`&notit;` → `¬it;`): only whole names count here.
    if entity[1] != "#" and entity[1:] not in html5:
        return entity
    plain = unescape(entity)
    return "\ufffd" if _SURROGATE.match(plain) else plain


def _kept(match: re.Match[str]) -> str:
    return match[0] if match[0][0] == "\U0001f3f4" else ""


def _without_excess_marks(match: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for char in match[0]:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MAX_MARKS:
            kept.append(char)
    return "".join(kept)
