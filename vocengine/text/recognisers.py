"""The table of what counts as personal data: for each kind a pattern, a check, and when to look at all.

Every pattern takes linear time: unbounded parts are possessive and start only where no earlier start could have
matched, everything else has a bound. Adding a recogniser is adding an entry to `RECOGNISERS` and rows to its test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vocengine.text.addresses import address_spans
from vocengine.text.links import secret_spans

Span = tuple[int, int]
Check = Callable[[re.Match[str]], Iterator[Span]]


@dataclass(frozen=True, slots=True)
class Recogniser:
    """One way to find one kind: where `trigger` occurs in the text, each match of `pattern` goes through `check`.

    `check` yields the spans to replace (none, the match, or parts of it). With `protects` the rest of the match is
    closed to later recognisers: the digits in a URL's path are not a phone number.
    """

    kind: str
    trigger: re.Pattern[str]
    pattern: re.Pattern[str]
    check: Check
    protects: bool = False


def _whole(match: re.Match[str]) -> Iterator[Span]:
    yield match.span()


def luhn(digits: str) -> bool:
    """Tell whether a string of digits ends in its right check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


_DIGIT_GROUP = re.compile(r"\d+")


def _is_card(digits: str) -> bool:
    # 2 to 6 begin the numbers of payment cards; 1, 7, 8 and 9 those of airlines, fuel and tracking.
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and luhn(digits)


def _card_spans(match: re.Match[str]) -> Iterator[Span]:
    groups = [(*found.span(), found[0]) for found in _DIGIT_GROUP.finditer(match[0])]
    if _is_card("".join(digits for _, _, digits in groups[:20])) and len(groups) < 20:
        yield match.span()
        return
    # The run may hold more than the card (a count before it, an expiry date behind): try whole groups as cards
    # print them, of three digits and more but for the last.
    first = 0
    while first < len(groups):
        joined, best = "", 0
        for last in range(first, min(first + 7, len(groups))):
            joined += groups[last][2]
            if len(joined) > 19:
                break
            if _is_card(joined):
                best = last + 1
            if len(groups[last][2]) < 3:
                break
        if best:
            yield match.start() + groups[first][0], match.start() + groups[best - 1][1]
        first = best or first + 1


# Length of an IBAN by country, SWIFT IBAN registry.
IBAN_LENGTH = {
    code: int(entry[:2])
    for entry in re.findall(
        r"\S+",
        "15NO 16BE 18DKFKFIFOGLNLSD 19MKSI 20ATBAEEKZLTLUMNXK 21CHHRLILV 22BGBHCRDEGBGEIEMERSVA "
        "23AEGIILIQOMSOTL 24ADCZESMDPKROSASESKTNVG 25LYPTST 26ISTR 27BIDJFRGRITMCMRSM "
        "28ALAZBYCYDOGTHNHULBNIPLSV 29BREGPSQAUA 30JOKWMUYE 31MTSC 32LC 33RU",
    )
    for code in re.findall("[A-Z]{2}", entry[2:])
}


def _iban_spans(match: re.Match[str]) -> Iterator[Span]:
    length = IBAN_LENGTH.get(match[0][:2].upper(), 0)
    taken = 0
    for offset, char in enumerate(match[0]):
        if char in " -":
            continue
        taken += 1
        if taken == length:
            # Words may follow after a blank, but not more of the same group.
            end = match.start() + offset + 1
            code = re.sub("[ -]", "", match[0][: offset + 1]).upper()
            follows = match.string[end : end + 1]
            if not (follows.isascii() and follows.isalnum()):
                moved = code[4:] + code[:4]
                if int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1:
                    yield match.start(), end
            return


_MAIL_HOST = re.compile(r"g(?:oogle)?mail|yahoo|hotmail|outlook|icloud|live|aol|msn|proton(?:mail)?|gmx|web|mail")


def _spoken_mail_spans(match: re.Match[str]) -> Iterator[Span]:
    # "ordered at amazon dot com" names a shop: without brackets, ask for a mailbox-like name or a mail provider.
    local = match["local"]
    if match["at"][0] in "([{" or not local.isalpha() or _MAIL_HOST.fullmatch(match["host"].lower()):
        yield match.span()


# Words before a number that say what it is, and words that may stand between.
_CALLS = frozenset(
    re.findall(
        r"\S+",
        "call called calling phone phoned tel telephone mobile cell fax whatsapp ring text texted sms dial "
        "contact reach",
    )
)
_NUMBERED = frozenset(
    re.findall(
        r"\S+",
        "order ticket case ref reference tracking flight confirmation invoice booking account serial model "
        "sku item part claim parcel shipment customer id code res "
        "reservation bag tag tags request sr",
    )
)
_BETWEEN = frozenset(
    re.findall(
        r"\S+",
        "me us him her them back number numbers no nr num is was on at to my home work it s",
    )
)
_WORD = re.compile(r"[^\W\d_]+")
_DATE_LIKE = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}(?!\d)|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d\d(?!\d)"
    r"|(?:19|20)\d\d-(?:19|20)\d\d$|\d{1,3}(?:\.\d{1,3}){3}$"
)
_CONTEXT_CHARS = 48


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _introduced_by(words: frozenset[str], match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - _CONTEXT_CHARS) : match.start()].lower()
    for word in reversed(_WORD.findall(before)):
        if word not in _BETWEEN:
            return word in words
    return False


def _phone_spans(match: re.Match[str]) -> Iterator[Span]:
    if not _DATE_LIKE.match(match[0]) and not _introduced_by(_NUMBERED, match):
        yield match.span()


def _trunk_spans(match: re.Match[str]) -> Iterator[Span]:
    # The run may hold two numbers: each begins with a zero and has 9 to 12 digits.
    groups = [found.span() for found in _DIGIT_GROUP.finditer(match[0])]
    if _DATE_LIKE.match(match[0]) or _introduced_by(_NUMBERED, match):
        return
    begin, digits, whole = match.start(), 0, 0
    for start, end in groups:
        if digits + end - start > 12 or (whole and match[0][start] == "0"):
            if whole:
                yield begin, whole
            begin, digits, whole = match.start() + start, 0, 0
            if match[0][start] != "0":
                return
        digits += end - start
        if digits >= 9:
            whole = match.start() + end
    if whole:
        yield begin, match.end() if whole == match.start() + groups[-1][1] else whole


def _called_spans(match: re.Match[str]) -> Iterator[Span]:
    digits = _digits(match[0])
    if 7 <= digits <= 15 and not _DATE_LIKE.match(match[0]) and _introduced_by(_CALLS, match):
        yield match.span()


_DIGIT = re.compile(r"\d")
_AT = re.compile("@")
_PLUS = re.compile(r"\+ ?\(?\d|00\d")
# Not inside a word, a price, a decimal, a date or a longer number.
_FREE = r"(?<![\w+#£$€¥])(?<!\w[-/.,:_])"
_FREE_END = r"(?![\w%])(?![-/.,:]\w)"
_EXTENSION = r"(?:,? ?(?:x|ext\.?|extension) ?\d{1,5})?"
_SEP = r"[ .\-/]?"

RECOGNISERS = (
    Recogniser(
        "TOKEN",
        re.compile(r"://|www\.|[\w-]\.[A-Za-z]{2,24}/", re.IGNORECASE),
        re.compile(
            r"(?:\b[a-z][a-z0-9+.-]{1,15}://|\bwww\.|(?<![\w@./-])(?:[a-z0-9-]++\.)++[a-z]{2,24}(?<=\w)/)"
            r"(?:\[(?:TOKEN|EMAIL|PHONE|CARD|IBAN|HANDLE|ADDRESS|NAME)\]|[^\s<>\"\[\]“”«»])++",
            re.IGNORECASE,
        ),
        secret_spans,
        protects=True,
    ),
    Recogniser(
        "EMAIL",
        _AT,
        re.compile(
            r"(?:mailto:)?(?<![\w.+%'@\]-])[\w.+%-]++(?:'[\w.+%-]++)*+@[\w-]++(?:\.[\w-]++)++(?<![\d.-])",
            re.IGNORECASE,
        ),
        _whole,
    ),
    Recogniser(
        "EMAIL",
        re.compile(r"\b(?:dot|punkt|punto|point)\b", re.IGNORECASE),
        re.compile(
            r"(?<![\w.+%'@\]-])(?P<local>[\w.+%-]++(?: ?[(\[{]? ?\bdot\b ?[)\]}]? ?[\w+%-]++)?) {0,2}"
            r"(?P<at>[(\[{] ?at ?[)\]}]|@|\bat\b) {0,2}(?P<host>[\w-]++)"
            r"(?: {0,2}(?:[(\[{] ?dot ?[)\]}]|\bdot\b) {0,2}(?:com|net|org|co|uk|edu|gov|info|biz|io|me|us|eu|ca|au|in|"
            r"de|fr|it|es|nl|ie|pt|br|mx|ch|at|be|se|no|dk|pl|ru|jp|cn)\b){1,2}",
            re.IGNORECASE,
        ),
        _spoken_mail_spans,
    ),
    Recogniser(
        "IBAN",
        re.compile(r"[A-Za-z]{2}\d\d", re.ASCII),
        re.compile(r"(?<![^\W_])[A-Z]{2}\d\d(?:[ -]?[A-Z0-9]){11,30}", re.IGNORECASE | re.ASCII),
        _iban_spans,
    ),
    # Phone numbers with a grouping of their own come before cards: two in a row can pass for one.
    # International: +44 20 7946 0958, 0049-30-123456, +1 (555) 123-4567.
    Recogniser(
        "PHONE",
        _PLUS,
        re.compile(
            rf"(?<!\w)(?:\+ ?|(?<![\d.,:/-])00)(?:[1-9]|\([1-9])(?:[ .\-/()]{{0,2}}\d){{7,14}}{_EXTENSION}(?!\d)"
        ),
        _phone_spans,
    ),
    # North America: (415) 555-0132, 415-555-0132, 1.415.555.0132, 4155550132.
    Recogniser(
        "PHONE",
        _DIGIT,
        re.compile(
            rf"{_FREE}(?:1[ .-]?)?(?:\([2-9]\d\d\) ?-?|[2-9]\d\d{_SEP})[2-9]\d\d{_SEP}\d{{4}}{_EXTENSION}{_FREE_END}"
        ),
        _phone_spans,
    ),
    Recogniser(
        "CARD",
        re.compile(r"\d(?:[ -]?\d){12}"),
        re.compile(r"(?<![\w.])(?<!\d[ -])\d++(?:[ -]\d++)*+(?!\w)"),
        _card_spans,
    ),
    # With a trunk zero: 020 7946 0958, 07700 900123, 06 12 34 56 78, (0171) 1234567.
    Recogniser(
        "PHONE",
        _DIGIT,
        re.compile(rf"{_FREE}\(?0[1-9]\d{{0,4}}\)?(?:[ \-/.]{{0,2}}\d{{2,8}}){{1,5}}{_EXTENSION}{_FREE_END}"),
        _trunk_spans,
    ),
    # Anything of a number's length that the words before it call a phone number.
    Recogniser(
        "PHONE",
        re.compile(r"\d(?:\D{0,2}\d){6}"),
        re.compile(r"(?<![\w+])\(?\d(?:[ .\-/()]{0,2}\d){6,14}(?!\w)"),
        _called_spans,
    ),
    Recogniser(
        "ADDRESS",
        _DIGIT,
        # A house number stands beside a word; or half a postcode.
        re.compile(
            r"(?<![\w£$€.,])(?:(?<=[^\W\d] )|(?<=[.,] )|(?=\d++[A-Za-z]?,? {1,2}(?:[^\W\d]|\d++(?:st|nd|rd|th)\b)))"
            r"\d{1,5}[A-Za-z]?\b|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b"
        ),
        address_spans,
    ),
    Recogniser(
        "HANDLE",
        _AT,
        re.compile(
            # Letters of scripts that put blanks between words: in Japanese a handle has no visible end.
            r"(?<![\w@\]])@(?!\d{1,2}(?:[:.]\d\d)?(?:[ap]m|h)?\b)(?!\d{1,3}\b)"
            r"[A-Za-z0-9_\u00c0-\u024f\u0370-\u052f\u0590-\u06ff\u0900-\u097f]++(?:\.[a-z0-9_]++)*+"
            r"(?:@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++)?+"
        ),
        _whole,
    ),
)
