"""Who and what counts once a day."""

from __future__ import annotations

from array import array

import pytest

from vocengine.alerts.voices import fingerprint, hear, marks

SAID = "The plane was late again and nobody at the gate cared"


@pytest.mark.parametrize(
    "copy",
    [
        f"RT @bob: {SAID}",
        f"rt [HANDLE]: {SAID.upper()}!!!",
        f"RT @a: RT @b: {SAID}",
        f"@airline {SAID}",
        f"{SAID} https://t.co/x1",
    ],
)
def test_a_copy_has_the_fingerprint_of_what_it_copies(copy: str) -> None:
    assert fingerprint(copy) == fingerprint(SAID) is not None


def test_other_words_and_short_texts_are_no_copies() -> None:
    assert fingerprint(SAID.replace("late", "early")) != fingerprint(SAID)
    assert fingerprint("Thank you so much!") is None


def test_a_voice_and_a_text_are_heard_once_a_day() -> None:
    heard = array("I")
    assert hear(heard, marks("C-1", SAID, 5))
    assert not hear(heard, marks("C-1", "Something else", 5))
    assert not hear(heard, marks("C-2", SAID, 5))
    assert hear(heard, marks("C-1", SAID, 6))


def test_hundreds_of_voices_a_day_are_told_apart_in_bounded_memory() -> None:
    heard = array("I")
    fresh = sum(hear(heard, marks(f"C-{i}", "", 5)) for i in range(2_000))
    assert fresh == 2_000 and len(heard) <= 64
    repeated = sum(hear(heard, marks("C-loud" if i % 2 else f"D-{i}", "", 5)) for i in range(60))
    assert repeated <= 34, "who speaks again and again is heard once or a few times"
