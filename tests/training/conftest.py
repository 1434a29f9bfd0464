"""A data folder in the formats of the public sets, small enough to train on in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from vocengine.training.recipe import Recipe

_SAID = (
    ("The food was great and the staff kind", 2),
    ("Awful service, never again", 0),
    ("The shop opens at nine", 1),
    ("I love this so much @user http://t.co/x", 2),
    ("Broken on arrival, and nobody answers", 0),
    ("My parcel is in the mail", 1),
    ("What a wonderful day", 2),
    ("This is the worst app ever", 0),
)


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tweets, comments = folder / "sentiment", folder / "emotion" / "goemotions"
    emotion, mams = folder / "emotion" / "tweeteval", folder / "absa" / "mams" / "atsa"
    pairs = folder / "similarity" / "stsb"
    for place in (tweets, comments, emotion, mams, pairs):
        place.mkdir(parents=True)
    alike = [f"genre\tfile\tyear\t{n}\t{n}.0\t{text}\t{_SAID[0][0]}" for n, (text, _) in enumerate(_SAID[:5])]
    (pairs / "sts-dev.csv").write_text("\n".join(alike) + "\n")
    rows = [f"{number}\t{label}\t{text}\tmade-up.tsv" for number, (text, label) in enumerate(_SAID)]
    (tweets / "semeval17_train.tsv").write_text("\n".join(["id\tlabel\ttext\tsource_file", *rows]) + "\n")
    for split in ("train", "val"):
        for place in (tweets, emotion):
            (place / f"{split}_text.txt").write_text("\n".join(text for text, _ in _SAID) + "\n")
            (place / f"{split}_labels.txt").write_text("\n".join(str(label) for _, label in _SAID) + "\n")
    for split in ("train", "dev"):
        lines = [f"{text} [NAME]\t{label},{label + 20}\tid{label}" for text, label in _SAID]
        (comments / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    (comments / "labels.txt").write_text("\n".join(f"emotion{number}" for number in range(28)) + "\n")
    sentences = "".join(
        f"<sentence><text>The decor is dull, but the food is great {number}.</text><aspectTerms>"
        '<aspectTerm from="4" polarity="negative" term="decor" to="9"/>'
        '<aspectTerm from="27" polarity="positive" term="food" to="31"/>'
        "</aspectTerms></sentence>"
        for number in range(8)
    )
    for split in ("train", "val"):
        (mams / f"{split}.xml").write_text(f"<sentences>{sentences}</sentences>")
    return folder


@pytest.fixture
def small_recipe() -> Recipe:
    return Recipe(name="small", version="0", epochs=1, batch_texts=4, max_tokens=24, precision="fp32")
