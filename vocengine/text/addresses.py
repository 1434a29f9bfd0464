"""Street addresses and postcodes: British, American, and the commonest German, French and Spanish forms."""

from __future__ import annotations

import re
from collections.abc import Iterator

_STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND "
    "OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
).replace(" ", "|")
# The letters that the second half of a British postcode uses (BS 7666-2).
_UK_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[ABD-HJLNP-UW-Z]{2}(?!\w)"
_US_POSTCODE = rf"(?:{_STATES})[ ,]{{1,2}}\d{{5}}(?:-\d{{4}})?(?!\w)"

_KINDS = (
    "Street|St|Road|Rd|Avenue|Ave|Av|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Close|"
    "Crescent|Cres|Gardens|Gdns|Grove|Hill|Way|Row|Mews|Park|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Walk|Quay|Green|Rise|Yard"
)
_SURE_KINDS = "street|road|avenue|boulevard|blvd|lane|rd|ave|crescent"
_UNIT = r"(?:Flat|Apt|Apartment|Unit|Suite|Ste|Floor|Room)"

# What goes before the house number is found looking back from it, what follows looking ahead.
_UNIT_BEFORE = re.compile(rf"\b{_UNIT}\.?[ ]{{0,2}}#?\w{{1,5}},?[ \n]{{1,2}}$", re.IGNORECASE)
_TAIL = (
    rf"(?:,?[ \n]{{1,2}}(?:{_UNIT}\.?[ ]?|\#)[ ]?\w{{1,5}}\b)?"
    rf"(?:(?:,?[ \n]{{1,2}}[A-Z][\w'-]{{1,20}}){{0,4}},?[ \n]{{1,2}}(?:{_UK_POSTCODE}|{_US_POSTCODE}))?"
)
_STREET = re.compile(
    rf"[ ]{{1,2}}(?P<name>(?:(?:[NSEW]\.?|\d{{1,3}}(?:st|nd|rd|th)|"
    rf"(?!(?:{_KINDS})\b(?![ ]))[A-Z][\w'.-]{{0,20}})[ ]{{1,2}}){{1,4}})"
    rf"(?:{_KINDS}|{_KINDS.upper()})\b\.?{_TAIL}"
)
_PLAIN_STREET = re.compile(
    rf"[ ]{{1,2}}(?P<name>(?:[a-z]{{3,20}}[ ]{{1,2}}){{1,2}})(?:{_SURE_KINDS})\b{_TAIL}", re.IGNORECASE
)
_ROMANCE = re.compile(
    r",?[ ](?:bis |ter )?(?:rue|avenue|boulevard|bd|place|chemin|allée|impasse|quai)"
    r"(?: (?:de|du|des|la|le|les|l'|d'|saint)){0,3} ?[A-ZÀ-Ý][\w'-]{1,24}(?:[ -][A-ZÀ-Ý][\w'-]{1,24}){0,2}"
    r"(?:,? \d{5} [A-ZÀ-Ý][\w'-]{1,24})?",
)
# Streets that stand before the number.
_GERMAN = re.compile(
    r"(?<!\w)[A-ZÄÖÜ][\wäöüß-]{0,30}(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer) $|"
    r"(?<!\w)(?:Calle|Avenida|Avda\.|Plaza|Via|Viale|Piazza|Rua)(?: (?:de|del|la|los|las|da|do|dos|di)){0,2}"
    r"(?: [A-ZÀ-Ý][\w'-]{1,24}){1,3},? $"
)
_TOWN_AFTER = re.compile(r",? \d{5} [A-ZÄÖÜ][\w-]{1,24}")
_BOX_BEFORE = re.compile(r"\bP\.?[ ]?O\.?[ ]?Box[ ]$", re.IGNORECASE)
_STATE_BEFORE = re.compile(rf"\b(?:{_STATES}) $")
_POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}")

# "2 hour drive", "3 lane road", "5 star place", "20 minutes down the road" measure; they do not lead to a door.
_NOT_NAMES = frozenset(
    re.findall(
        r"\S+",
        "hour hours hr hrs minute minutes min mins second seconds day days week weeks month months year years "
        "mile miles km kilometre kilometres meter meters metre metres yard yards foot feet lane lanes way "
        "ways star stars people person men man women kids guys times time pm am in on off the a an my your "
        "his her our their this that down up across along over from to at of for and or with near by into out "
        "more other different same car cars block blocks inch inches percent bed bedroom room rooms piece "
        "pieces pack busy dollars dollar pounds pound euros bucks usd gbp eur is are was were it january "
        "february march april may june july august september october november december jan feb mar apr jun "
        "jul aug sep oct nov dec monday tuesday wednesday thursday friday saturday sunday cans bottles boxes "
        "doctor mr mrs ms",
    )
)
_LOOK_BACK = 48


def address_spans(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield the span of the address around a house number, or of the postcode, that `match` found, if it is one."""
    text, (start, end) = match.string, match.span()
    if match[0][0].isalpha():
        if _POSTCODE.fullmatch(match[0]):
            yield start, end
        return
    for pattern in (_STREET, _PLAIN_STREET):
        street = pattern.match(text, end)
        if street and not _NOT_NAMES.intersection(street["name"].lower().replace(".", "").split()):
            unit = _UNIT_BEFORE.search(text[max(0, start - _LOOK_BACK) : start])
            yield start - (len(unit[0]) if unit else 0), street.end()
            return
    romance = _ROMANCE.match(text, end)
    if romance:
        yield start, romance.end()
        return
    if text[start - 1 : start] != " ":
        return
    before = text[max(0, start - _LOOK_BACK) : start]
    ahead = _BOX_BEFORE.search(before) or _GERMAN.search(before)
    if ahead:
        town = _TOWN_AFTER.match(text, end)
        yield start - len(ahead[0]), town.end() if town else end
    elif len(match[0]) == 5 and match[0].isdigit():
        state = _STATE_BEFORE.search(before)
        if state:
            yield start - len(state[0]), end
