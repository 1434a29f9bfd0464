"""A user's labelled file is measured as it is, or refused with what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vocengine.encoder.interface import Floats
from vocengine.errors import ModelMissing, SourceError
from vocengine.evaluation.labelled import measure, read_labelled
from vocengine.evaluation.readers import VaderReader, open_reader


class Echo:
    """Reads the label out of the text."""

    name = "echo"

    def sentiment(self, texts: Sequence[str]) -> Floats:
        return np.eye(3, dtype=np.float32)[[int(text[0]) for text in texts]]


def test_figures_are_those_of_a_confusion_counted_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("said,mood\n0 bad,negative\n1 bad,negative\n1 well,NEU\n2 good,1\n2 good,positive\n")
    texts, labels = read_labelled(path, text="said", label="mood")
    assert labels.tolist() == [0, 0, 1, 2, 2]
    found = measure(Echo(), texts, labels)
    assert found["accuracy"] == 80.0
    assert found["macro_recall"] == pytest.approx(100 * (0.5 + 1 + 1) / 3, abs=0.01)
    assert found["confusion"] == [[1, 1, 0], [0, 1, 0], [0, 0, 2]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: a header and rows"),
        (b"text,label\n", "has a header and no rows"),
        (b"review,label\na,positive\n", "has no column 'text'; it has review, label"),
        (b"text,label\na,positive\nb,angry\nc,angry\n", r"2 rows with other labels .* most often 'angry' \(2\)"),
        (b"text,label\n\xff\xfe,positive\n", "is not UTF-8 at byte"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "labelled.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message):
        read_labelled(path, text="text", label="label")


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        read_labelled(tmp_path / "none.csv", text="text", label="label")


def test_a_model_of_the_hub_that_cannot_be_had_says_what_to_do() -> None:
    with pytest.raises(ModelMissing, match="fetch it where there is a network and name its folder"):
        open_reader("nobody/no-such-model", backend="torch-fp32", threads=None)


def test_vader_reads_words_of_its_lexicon() -> None:
    found = VaderReader().sentiment(["This is great", "This is terrible", "This is a box"])
    assert found.argmax(1).tolist() == [2, 0, 1]
