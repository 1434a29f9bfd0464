"""Masking takes out personal data, leaves everything else, and can be repeated."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vocengine.text import Found, mask
from vocengine.text.recognisers import IBAN_LENGTH, luhn


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        # e-mail
        ("mail foo.bar+x@mail.co.uk please", "mail [EMAIL] please"),
        ("O'Brien@x.com, (jo@x.org).", "[EMAIL], ([EMAIL])."),
        ("foo\uff20bar\uff0ecom", "[EMAIL]"),
        ("fo\u200bo@bar.com", "[EMAIL]"),
        ("john at gmail dot com", "[EMAIL]"),
        ("jane.doe (at) example (dot) org", "[EMAIL]"),
        # phone
        ("call 555-123-4567 or (415) 555-0132", "call [PHONE] or [PHONE]"),
        ("+44 20 7946 0958, 0049-30-123456", "[PHONE], [PHONE]"),
        ("07700 900123 020 7946 0958", "[PHONE] [PHONE]"),
        ("06 12 34 56 78", "[PHONE]"),
        ("+1 415 555 0132 x12", "[PHONE]"),
        ("my mobile is 4155550132", "my mobile is [PHONE]"),
        ("call me on 5550132", "call me on [PHONE]"),
        ("\uff14\uff11\uff15-\uff15\uff15\uff15-\uff10\uff11\uff13\uff12", "[PHONE]"),
        # cards and accounts
        ("card 4111 1111 1111 1111 12/25", "card [CARD] 12/25"),
        ("2 cards: 4111-1111-1111-1111, 378282246310005", "2 cards: [CARD], [CARD]"),
        ("GB82 WEST 1234 5698 7654 32 please", "[IBAN] please"),
        ("DE89370400440532013000.", "[IBAN]."),
        ("415-555-0132 415-555-0132", "[PHONE] [PHONE]"),
        ("4532 0151 1283 0366", "[CARD]"),
        # handles
        ("@united .@JetBlue: @john.smith @united.Thanks", "[HANDLE] .[HANDLE]: [HANDLE] [HANDLE].Thanks"),
        ("@u@mastodon.social", "[HANDLE]"),
        # addresses
        ("I live at 12 Baker Street, London NW1 6XE.", "I live at [ADDRESS]."),
        ("Flat 3, 44 Elm Rd and 221b baker street", "[ADDRESS] and [ADDRESS]"),
        ("1600 Pennsylvania Ave NW, Washington, DC 20500", "[ADDRESS]"),
        ("near SW1A 1AA or CA 94107", "near [ADDRESS] or [ADDRESS]"),
        ("12 rue de la Paix; Hauptstraße 12; PO Box 123", "[ADDRESS]; [ADDRESS]; [ADDRESS]"),
        # links
        ("“see http://t.co/a”@joe", "“see http://t.co/a”[HANDLE]"),
        ("https://shop.example/reset?token=abc&user=1", "https://shop.example/reset?[TOKEN]"),
        ("shop.example/reset?user=7", "shop.example/reset?[TOKEN]"),
        ("https://u:p@h.com/a#at=1", "https://[TOKEN]@h.com/a#[TOKEN]"),
        ("https://h.com/v/550e8400-e29b-41d4-a716-446655440000/x", "https://h.com/v/[TOKEN]/x"),
        ("https://h.com/u/jo@x.com/", "https://h.com/u/[TOKEN]/"),
        ("twitter.com/johnsmith/status/12", "twitter.com/[TOKEN]/status/12"),
    ],
)
def test_takes_out(raw: str, masked: str) -> None:
    assert mask(raw).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "Order LM-204518 and order number 4155550132",
        "on 12/10/2015, 2015-02-16 11:35:10, 16.02.2015",
        "open 24/7 from 10:30-11:45",
        "£1,299.00 or 1299.00 or $1,000,000, 50% off",
        "192.168.100.200 and 3.14159265 and 2014-2015",
        "tag numbers 0016 964012, 0016 964077 and RES # 0167560070877",
        "4111 1111 1111 1112 fails the check",
        "flight UA1234 was 3 hours late, iPhone 12 Pro, 10 of 10",
        "a 2 hour drive, 20 minutes down the road, 2 weeks in a row, 5 star place, 3 lane road",
        "meet @5pm @ home",
        "I ordered at amazon dot com",
        "https://h.com/best-phones-of-2024/reviews?page=2#reviews https://t.co/AbCd123",
        "already [EMAIL] and https://h.com/x?[TOKEN]",
        "",
    ],
)
def test_leaves(text: str) -> None:
    masked = mask(text)
    assert masked.text == text
    assert masked.found == ()


def test_positions_are_those_of_the_tokens_in_the_masked_text() -> None:
    masked = mask("jo@x.com [PHONE] @jo 415-555-0132")
    assert masked.text == "[EMAIL] [PHONE] [HANDLE] [PHONE]"
    assert masked.found == (Found("EMAIL", 0, 7), Found("HANDLE", 16, 24), Found("PHONE", 25, 32))


class _Smiths:
    """Finds one name by its letters: the seam is under test, not a model."""

    def find(self, text: str) -> list[tuple[int, int]]:
        at = text.find("Smith")
        return [(at, at + 5)] if at >= 0 else []


@pytest.mark.parametrize(("raw", "masked"), [("Mr Smith rang", "Mr [NAME] rang"), ("Smith@x.com rang", "[EMAIL] rang")])
def test_names_are_masked_where_nothing_surer_is(raw: str, masked: str) -> None:
    assert mask(raw, names=_Smiths()).text == masked


PIECES = st.sampled_from(
    [
        "jo@x.com",
        "415-555-0132",
        "4111 1111 1111 1111",
        "@jo",
        "12 Elm Rd",
        "https://a.b/c?d=1",
        "[EMAIL]",
        "[NAME]",
        "+44",
        "GB82WEST12345698765432",
        "0",
        "7",
        " ",
        "-",
        ".",
        "(",
        "@",
        "/",
        "a",
        "dot",
        "at",
        "\u200b",
        "\uff11",
        "SW1A 1AA",
        "\n",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join)))
@example("1.415-555-0132415-555-0132")
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask(text)
    again = mask(once.text)
    assert again.text == once.text
    assert again.found == ()


@given(st.lists(PIECES, max_size=12).map("".join))
def test_found_spans_hold_their_tokens_in_order(text: str) -> None:
    masked = mask(text)
    assert [masked.text[found.start : found.end] for found in masked.found] == [f"[{f.kind}]" for f in masked.found]
    assert list(masked.found) == sorted(masked.found, key=lambda found: found.start)


@pytest.mark.parametrize(
    ("digits", "valid"), [("4111111111111111", True), ("79927398713", True), ("79927398710", False)]
)
def test_luhn(digits: str, valid: bool) -> None:
    assert luhn(digits) is valid


@pytest.mark.parametrize(
    ("country", "length"), [("GB", 22), ("DE", 22), ("FR", 27), ("NO", 15), ("MT", 31), ("ES", 24)]
)
def test_iban_lengths(country: str, length: int) -> None:
    assert IBAN_LENGTH[country] == length


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "1",
        "@",
        "a@",
        "a.",
        "1 ",
        "1-",
        "(",
        "+1",
        "00",
        "http://",
        "www.",
        "a dot ",
        "a at b dot ",
        "[EMAIL]",
        "12 Ab ",
        "x.y/",
        "01 ",
        "415-555-0132 ",
        "@a.",
        "a'",
        "4111111111111111 ",
        "\u0661",
        "\u200b1",
        "a.b@",
        "GB82 ",
        "\U0001f600",
        " ",
        "\u05e9\u05dc\u05d5\u05dd ",
        "word ",
    ],
)
def test_a_million_characters_take_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    mask(text)
    # About a second on a free core; quadratic time would be minutes.
    assert time.process_time() - began < 6
