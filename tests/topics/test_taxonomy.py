"""A company's own categories: what a file may say, and where its categories are placed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from vocengine.errors import TaxonomyError
from vocengine.topics.assign import Topic, TopicIndex
from vocengine.topics.taxonomy import Category, load_taxonomy, placed, taxonomy_from

TAXONOMIES = Path(__file__).parents[2] / "configs" / "taxonomies"
PLACES = {"kettle": 0, "lamp": 1, "parcel": 2, "noise": 3}


def embed(texts: Sequence[str]) -> np.ndarray:  # type: ignore[type-arg]
    """The axis of the first known word of each text, moved a little by its length."""
    rows = np.zeros((len(texts), 8), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[next(place for word, place in PLACES.items() if word in text.lower())] = 1
        row[4 + len(text) % 4] = 0.3
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


KETTLES = Category("Kettles", "All about the kettle", ("The kettle leaks", "My kettle is lovely", "A kettle for tea"))
LAMPS = Category("Lamps", None, ("The lamp flickers", "What a bright lamp", "No lamp came"))


@pytest.mark.parametrize("path", sorted(TAXONOMIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_taxonomies_can_be_read(path: Path) -> None:
    categories = load_taxonomy(path)
    assert 6 <= len(categories) <= 10
    assert all(category.description and len(category.examples) >= 3 for category in categories)


def test_what_a_file_says_is_read_with_blanks_made_one() -> None:
    document = yaml.safe_load(
        "- name: '  Late   parcels '\n  description: Came late\n  examples: [Too late, ' Too late']"
    )
    assert taxonomy_from(document) == (Category("Late parcels", "Came late", ("Too late",)),)


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "a taxonomy is a list of topics, each with name, description and examples; this is empty"),
        ("name: A", "this is a dict"),
        ("[]", "a taxonomy has 1 to 1,000 topics; this has 0"),
        ("- kettles", "topic 1 is 'kettles'; name, description and examples are expected"),
        ("- name: A", "topic 1 (A) has no examples; give a few sentences such as customers say them"),
        ("- {name: A, examples: []}", "topic 1 (A) has no examples; give a few sentences"),
        ("- {examples: [a]}", "topic 1 has no name; give it one to four words"),
        ("- {name: ' ', examples: [a]}", "topic 1: name is blank"),
        ("- {name: A, examples: [a], colour: red}", "topic 1 (A) has the unknown key 'colour'; there are name, desc"),
        ("- {name: A, examples: [a, 4]}", "topic 1 (A): examples.2 is 4; it should be text"),
        ("- {name: A, examples: a}", "topic 1 (A): examples is 'a'"),
        ("- {name: yes, examples: [a]}", "topic 1: name is True; it should be text"),
        ("- {name: A, examples: [a]}\n- {name: ' a', examples: [b]}", "the name 'a' stands twice, at topics 1 and 2"),
        ("- {name: A, examples: [a]}\n- {name: B, examples: [A]}", "the example 'A' stands under 'A' and under 'B'"),
        ("- name: [", "is not valid YAML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence_that_names_file_topic_and_field(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TaxonomyError) as refused:
        load_taxonomy(path)
    assert str(refused.value).startswith(str(path)) and says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="cannot be read"):
        load_taxonomy(tmp_path / "none.yaml")


def test_a_category_takes_in_what_is_like_its_examples_and_not_what_is_said_in_general() -> None:
    background = embed([f"noise {'x' * i}" for i in range(40)] + ["a parcel", "the kettle"])
    topics = placed((KETTLES, LAMPS), embed, background)
    assert [(t.label, t.origin, t.examples) for t in topics] == [
        ("Kettles", "taxonomy", KETTLES.examples), ("Lamps", "taxonomy", LAMPS.examples),
    ]  # fmt: skip
    assert all(abs(np.linalg.norm(t.centroid) - 1) < 1e-5 for t in topics)
    said = embed(["Another kettle broke", "My lamp is dark", "noise and more noise", "A parcel was late"])
    assert TopicIndex(1, topics).nearest(said).tolist() == [0, 1, -1, -1]


def test_a_threshold_rises_with_how_near_feedback_in_general_is() -> None:
    far, near = embed(["noise"] * 20), embed(["noise"] * 9 + ["kettle"] * 11)
    [low, _], [high, _] = placed((KETTLES, LAMPS), embed, far), placed((KETTLES, LAMPS), embed, near)
    assert low.threshold < high.threshold < 1


def test_without_stored_feedback_the_other_examples_stand_in() -> None:
    topics = placed((KETTLES, LAMPS), embed, np.zeros((0, 8), dtype=np.float32))
    assert TopicIndex(1, topics).nearest(embed(["This kettle", "That lamp"])).tolist() == [0, 1]
    [alone] = placed((Category("Kettles", None, ("A kettle",)),), embed, np.zeros((0, 8), dtype=np.float32))
    assert 0.3 <= alone.threshold < 1


def test_categories_and_discovered_topics_are_assigned_apart_and_say_which_they_are() -> None:
    axis = np.eye(4, dtype=np.float32)
    index = TopicIndex(
        1,
        (
            Topic(7, "category", (), axis[0], 0.3, 0, origin="taxonomy"),
            Topic(3, "discovered", (), axis[1], 0.3, 10),
            Topic(4, "another", (), axis[2], 0.3, 10),
        ),
    )
    row = np.array([[0.9, 0.43, 0.05, 0]], dtype=np.float32)
    [topics] = index.assign(row / np.linalg.norm(row))
    # The category is much nearer, and the discovered topic is there all the same, and first.
    assert [(t.topic_id, t.origin) for t in topics] == [(3, "discovered"), (7, "taxonomy")]
    assert [t.topic_id for t in index.assign(axis[[0]])[0]] == [7]
