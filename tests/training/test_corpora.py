"""The data sets are read as people wrote them, and as the encoder will read texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from vocengine import corpora
from vocengine.errors import SettingsError, SourceError
from vocengine.training.recipe import load_recipe


@pytest.mark.parametrize(
    ("term", "clause"),
    [
        ("food", "The food was great "),
        ("service", " the service was awful"),
        ("waiter", " said the waiter"),
        ("bar", " the bar"),
    ],
)
def test_the_clause_of_a_term_reaches_from_turn_to_turn(term: str, clause: str) -> None:
    text = "The food was great but the service was awful, said the waiter (near the bar) at closing time"
    start = text.index(term)
    begin, end = corpora.clause_around(text, start, start + len(term))
    assert text[begin:end].strip().removeprefix("near").strip() == clause.strip()


def test_spans_are_terms_and_clauses_of_one_mind(small_data: Path) -> None:
    example = corpora.spans(small_data, "train")[0]
    said = [(example.text[a:b].strip(), label) for (a, b), label in zip(example.spans, example.labels, strict=True)]
    assert said == [("decor", 0), ("food", 2), ("The decor is dull", 0), ("the food is great 0", 2)]


def test_tweets_lose_the_escapes_of_their_export(tmp_path: Path) -> None:
    (tmp_path / "sentiment").mkdir()
    rows = [
        "id\tlabel\ttext\tsource_file",
        r'1	0	"he said \""no\"" &amp; left"	f',
        r"2	2	it\u2019s fine\u002c really	f",
    ]
    (tmp_path / "sentiment" / "semeval17_train.tsv").write_text("\n".join(rows))
    read = corpora.sentiment(tmp_path, "train")
    assert [(example.text, example.labels) for example in read] == [
        ('he said "no" & left', (0,)),
        ("it's fine, really", (2,)),
    ]


def test_texts_and_labels_that_do_not_match_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sentiment"
    folder.mkdir()
    (folder / "val_text.txt").write_text("one\ntwo\n")
    (folder / "val_labels.txt").write_text("1\n")
    with pytest.raises(SourceError, match="2 texts but 1 labels"):
        corpora.sentiment(tmp_path, "val")


def test_an_absent_data_folder_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOCENGINE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="set VOCENGINE_DATA"):
        corpora.data_folder()


def test_the_public_sets_have_the_sizes_they_are_known_for(data_sets: Path) -> None:
    sizes = {
        "sentiment": [len(corpora.sentiment(data_sets, split)) for split in ("train", "val", "test")],
        "emotions": [len(corpora.emotions(data_sets, split)) for split in ("train", "val", "test")],
        "tweet_emotion": [len(corpora.tweet_emotion(data_sets, split)) for split in ("train", "val", "test")],
        "spans": [len(corpora.spans(data_sets, split)) for split in ("train", "val", "test")],
    }
    assert sizes == {
        "sentiment": [47_376, 2_000, 12_284],
        "emotions": [43_410, 5_426, 5_427],
        "tweet_emotion": [3_257, 374, 1_421],
        "spans": [4_297, 500, 500],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nversion: b\nepochs: -1", "epochs of .* is -1"),
        ("name: a\nversion: b\nepoch: 1", "epoch of .* is 1: extra inputs"),
        ("name: [", "is not valid YAML"),
    ],
)
def test_a_recipe_that_is_wrong_names_the_field_and_the_value(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_recipe(path)


def test_the_recipe_that_ships_is_valid() -> None:
    recipe = load_recipe(Path(__file__).resolve().parents[2] / "models" / "voc-encoder" / "recipe.yaml")
    assert recipe.name == "voc-encoder"


def test_own_examples_are_whole_and_their_splits_share_no_text() -> None:
    splits = {split: corpora.intents(split) for split in ("train", "val", "test")}
    texts = {split: {example.text for example in examples} for split, examples in splits.items()}
    assert not texts["train"] & texts["test"] and not texts["train"] & texts["val"] and not texts["val"] & texts["test"]
    for split, least in (("train", 200), ("test", 60)):
        for label, name in enumerate(corpora.INTENT_LABELS):
            assert sum(label in example.labels for example in splits[split]) >= least, (split, name)
        efforts = [example.labels[0] for example in corpora.effort(split)]
        assert all(efforts.count(label) >= (160 if split == "train" else 50) for label in range(6)), split


def test_labelled_clauses_lie_where_their_words_do() -> None:
    for example in corpora.nuances(clauses=True):
        assert len(example.spans) == len(example.labels) > 0
        assert all(0 <= start < end <= len(example.text) for start, end in example.spans)
