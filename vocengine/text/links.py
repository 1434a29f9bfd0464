"""What in a link can tell who somebody is: user-info, query values, fragments and secret-looking path parts."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Query parameters that say which page, not whose; their values must be short and plain all the same.
_HARMLESS_NAMES = frozenset(
    re.findall(
        r"\S+",
        "page p sort order_by lang hl locale size color colour category cat tab view format currency rating "
        "stars utm_source utm_medium utm_campaign utm_content utm_term",
    )
)
_HARMLESS_VALUE = re.compile(r"[A-Za-z_.-]{0,24}|\d{1,4}")
_HARMLESS_FRAGMENT = re.compile(r"[A-Za-z]{1,16}(?:[-_][A-Za-z]{1,16}){0,3}")
_PROFILE_HOSTS = re.compile(
    r"(?:www\.|m\.|mobile\.)?(?:twitter|x|facebook|fb|instagram|threads|tiktok|snapchat|linkedin|wa|t|paypal|venmo)"
    r"\.(?:com|net|me)",
    re.IGNORECASE,
)
# On those hosts, the first parts of a path that are followed by, or are not, the name of a person.
_PROFILE_PREFIXES = frozenset({"in", "add", "people", "u", "user", "profile", "paypalme"})
_NOT_PROFILES = frozenset(
    re.findall(
        r"\S+",
        "i hashtag search explore p reel reels tv story stories events groups pages company jobs help about "
        "login share sharer intent home watch marketplace policies legal photo.php profile.php",
    )
)

_PARTS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.DOTALL,
)
_MASKED = re.compile(r"\[[A-Z]+\]")
_TRAILING = ".,;:!?)'*_\u2026\u2019\u201d"
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{16,}", re.IGNORECASE)
_TOKEN_CHARS = re.compile(r"[A-Za-z0-9_~.=+%-]{16,}")
_WORD_BREAK = re.compile(r"[-_.]")
_CASE_SWITCH = re.compile(r"[a-z][A-Z]")


def secret_spans(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of a matched URL that can identify a person, in the coordinates of the whole text."""
    url = match[0].rstrip(_TRAILING)
    parts = _PARTS.match(url)
    if parts is None:
        return
    base = match.start()
    authority = parts["authority"]
    user_info = authority.rpartition("@")[0]
    if user_info and not _MASKED.fullmatch(user_info):
        start = base + parts.start("authority")
        yield start, start + len(user_info)
    host = authority[len(user_info) + 1 :] if user_info else authority
    yield from ((base + start, base + end) for start, end in _path_spans(host, parts["path"], parts.start("path")))
    if parts["query"] is not None and not _harmless_query(parts["query"][1:]):
        yield base + parts.start("query") + 1, base + parts.end("query")
    if parts["fragment"] is not None:
        value = parts["fragment"][1:]
        if value and not _MASKED.fullmatch(value) and not _HARMLESS_FRAGMENT.fullmatch(value):
            yield base + parts.start("fragment") + 1, base + parts.end("fragment")


def looks_like_token(segment: str) -> bool:
    """Tell whether a part of a path is rather a key than words: UUID, long hex, long base64, a long number, an e-mail.

    Slugs stay readable: `best-phones-of-2024` is made of words and short numbers.
    """
    if "@" in segment or "%40" in segment:
        return True
    if segment.isdigit():
        return len(segment) >= 10
    if _UUID.fullmatch(segment):
        return True
    if not _TOKEN_CHARS.fullmatch(segment):
        return False
    if _HEX.fullmatch(segment):
        return any(char.isdigit() for char in segment)
    for part in _WORD_BREAK.split(segment):
        mixed = any(char.isdigit() for char in part) and any(char.isalpha() for char in part)
        if len(part) >= 12 and (mixed or (len(part) >= 16 and len(_CASE_SWITCH.findall(part)) >= 3)):
            return True
    return False


def _path_spans(host: str, path: str, at: int) -> Iterator[tuple[int, int]]:
    profile = bool(_PROFILE_HOSTS.fullmatch(host))
    for segment in path.split("/"):
        if segment and not _MASKED.fullmatch(segment):
            name = segment.lower()
            if profile and name not in _PROFILE_PREFIXES:
                profile = False
                if name not in _NOT_PROFILES:
                    yield at, at + len(segment)
            elif looks_like_token(segment):
                yield at, at + len(segment)
        elif segment:
            profile = False
        at += len(segment) + 1


def _harmless_query(query: str) -> bool:
    if not query or _MASKED.fullmatch(query):
        return True
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name.lower() not in _HARMLESS_NAMES or not _HARMLESS_VALUE.fullmatch(value):
            return False
    return True
