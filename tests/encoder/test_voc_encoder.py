"""The encoder that ships: order and length kept, one text alone as in company, long texts whole, sane readings."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.texts import load_texts
from vocengine.encoder import Encoder, emotion_names_over_threshold, load_encoder
from vocengine.encoder.backends import TorchBackend
from vocengine.encoder.voc_encoder import VocEncoder

TEXTS = [
    "The food was great but the service was awful",
    "",
    "Thank you so much, the new app is brilliant!",
    "Where do I find my invoice?",
    "The food was great but the service was awful",
    "I waited for two hours. Nobody came. " * 12,
]
SPANS: list[list[tuple[int, int]]] = [
    [(0, 18), (19, 44)],
    [],
    [(0, 17)],
    [],
    [(0, 18), (19, 44)],
    [(0, 23), (24, 36)],
]


def test_rows_come_in_the_order_of_the_texts_and_have_their_shapes(exact: Encoder) -> None:
    read = exact.encode(TEXTS, SPANS)
    assert read.sentiment.shape == (6, 3)
    assert read.emotions.shape == (6, 28)
    assert read.embedding.shape == (6, 384)
    assert read.span_index.tolist() == [0, 2, 2, 3, 3, 5, 7]
    assert read.span_sentiment.shape == (7, 3)
    assert read.span_embedding.dtype == np.float32
    for number, (text, spans) in enumerate(zip(TEXTS, SPANS, strict=True)):
        alone = exact.encode([text], [spans])
        rows = slice(read.span_index[number], read.span_index[number + 1])
        assert np.abs(alone.sentiment[0] - read.sentiment[number]).max() < 1e-3
        assert np.abs(alone.embedding[0] - read.embedding[number]).max() < 1e-3
        assert np.allclose(alone.span_sentiment, read.span_sentiment[rows], atol=1e-3)
        assert np.allclose(alone.span_emotions, read.span_emotions[rows], atol=1e-3)


def test_no_texts_give_empty_arrays(exact: Encoder) -> None:
    read = exact.encode([], [])
    assert len(read) == 0
    assert read.span_sentiment.shape == (0, 3)
    assert read.span_index.tolist() == [0]


def test_identical_texts_read_alike(exact: Encoder) -> None:
    read = exact.encode(TEXTS, SPANS)
    assert np.array_equal(read.sentiment[0], read.sentiment[4])
    assert np.array_equal(read.span_embedding[0:2], read.span_embedding[3:5])


def test_probabilities_are_probabilities_and_embeddings_have_unit_length(exact: Encoder) -> None:
    read = exact.encode(TEXTS, SPANS)
    assert np.allclose(read.sentiment.sum(1), 1, atol=1e-5)
    assert np.allclose(read.span_sentiment.sum(1), 1, atol=1e-5)
    assert ((read.emotions >= 0) & (read.emotions <= 1)).all()
    assert np.allclose(np.linalg.norm(read.span_embedding, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "spans", "labels"),
    [
        ("The food was great but the service was awful", [(0, 18), (19, 44)], ["positive", "negative"]),
        ("The staff were rude, however the room was lovely", [(0, 20), (21, 48)], ["negative", "positive"]),
        ("I love the new design", [(0, 21)], ["positive"]),
        ("I do not like the new design at all", [(0, 35)], ["negative"]),
        ("not bad at all", [(0, 14)], ["positive"]),
        ("The refund took six weeks and nobody replied", [(0, 44)], ["negative"]),
    ],
)
def test_each_clause_has_its_own_sentiment(
    exact: Encoder, text: str, spans: list[tuple[int, int]], labels: list[str]
) -> None:
    read = exact.encode([text], [spans])
    assert [exact.info.sentiment_labels[i] for i in read.span_sentiment.argmax(1)] == labels


@pytest.mark.parametrize(
    ("text", "emotion"),
    [("Thank you so much for your help!", "gratitude"), ("I am so angry about this!", "anger")],
)
def test_a_plain_emotion_passes_its_threshold(exact: Encoder, text: str, emotion: str) -> None:
    read = exact.encode([text], [[]])
    assert emotion in emotion_names_over_threshold(read.emotions[0], exact.info)
    assert exact.emotions_over_threshold(read.emotions[0])[0][0] == emotion


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("The lamp arrived in pieces and nobody answers my messages.", "complaint"),
        ("Fantastic service, the fitter was a star. Thank you so much!", "praise"),
        ("What time does the shop on the corner open on Sundays?", "question"),
        ("It would be great if you added a dark mode to the app.", "suggestion"),
        ("Please cancel my subscription and send me my money back.", "cancel"),
    ],
)
def test_a_plain_intent_passes_its_threshold(exact: Encoder, text: str, intent: str) -> None:
    read = exact.encode([text], [()])
    assert intent in dict(exact.intents_over_threshold(read.intents[0]))


def test_effort_is_told_where_it_is_spoken_of_and_only_there(exact: Encoder) -> None:
    texts = [
        "Fifth call in three weeks, every time I have to explain everything from the beginning.",
        "Ordering was so easy, everything was done for me within a minute.",
        "The colour of the sofa is beautiful.",
    ]
    hard, easy, silent = exact.encode(texts, [()] * 3).effort.tolist()
    assert hard < -1 and easy > 0.5
    assert math.isnan(silent)


def test_a_long_text_reads_to_its_end(exact: Encoder) -> None:
    text = "We arrived on a Monday and left on a Friday. " * 200
    praise = text + "The breakfast was wonderful, we loved it."
    spans = [(len(text), len(praise))]
    read = exact.encode([praise], [spans])
    assert read.windows_skipped.tolist() == [0]
    assert read.span_read.tolist() == [True]
    assert read.span_sentiment[0].argmax() == 2


def test_a_span_over_the_edge_of_windows_reads_as_the_text_does(exact: Encoder) -> None:
    text = "The delivery was late and the box was broken. " * 60
    read = exact.encode([text], [[(0, len(text))]])
    # The whole text also pools [CLS] and [SEP], a span does not: near, not equal.
    assert np.dot(read.embedding[0], read.span_embedding[0]) > 0.999


def test_a_hundred_thousand_words_are_sampled_evenly_and_flagged(exact: Encoder) -> None:
    text = "Nobody answered my mails and the phone line was dead. " * 10_000
    read = exact.encode([text, "fine"], [[(0, 53), (540, 593)], []])
    assert read.windows_skipped[0] > 400
    assert read.windows_skipped[1] == 0
    assert read.sentiment[0].argmax() == 0
    assert read.span_read[0]


def test_a_span_without_words_repeats_its_text_and_says_so(exact: Encoder) -> None:
    read = exact.encode(["so   good"], [[(2, 5), (0, 9)]])
    assert read.span_read.tolist() == [False, True]
    assert np.array_equal(read.span_sentiment[0], read.sentiment[0])


@pytest.mark.parametrize("text", ["", " \n ", "\U0001f62d" * 500, "x" * 10_000, "مرحبا بالعالم", "[CLS] [SEP] [MASK]"])
def test_strange_texts_give_finite_numbers(exact: Encoder, text: str) -> None:
    read = exact.encode([text], [[(0, len(text))]])
    for array in (read.sentiment, read.embedding, read.span_sentiment, read.span_embedding):
        assert np.isfinite(array).all()


@pytest.mark.parametrize(
    ("texts", "spans", "named"),
    [(["a"], [], "spans has 0 entries for 1 texts"), (["a"], [[(0, 2)]], r"span \[0, 2\) of text 0 leaves")],
)
def test_spans_that_do_not_fit_are_refused(exact: Encoder, texts: list[str], spans: list, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        exact.encode(texts, spans)


def test_sixteen_bits_read_nearly_as_thirty_two(exact: Encoder, calibrations: Path) -> None:
    half = load_encoder(backend="torch-bf16", cache_dir=calibrations)
    few = [0, 2, 3]
    texts, spans = [TEXTS[i] for i in few], [SPANS[i] for i in few]
    one, two = exact.encode(texts, spans), half.encode(texts, spans)
    assert np.abs(one.sentiment - two.sentiment).max() < 0.05
    assert (one.embedding * two.embedding).sum(1).min() > 0.999


def test_eight_bits_read_nearly_as_thirty_two(exact: Encoder, calibrations: Path) -> None:
    whole = load_encoder(backend="torch-int8", cache_dir=calibrations)
    # Not the empty text: two special tokens alone are no reading.
    texts, spans = zip(*((text, wanted) for text, wanted in zip(TEXTS, SPANS, strict=True) if text), strict=True)
    one, two = exact.encode(texts, spans), whole.encode(texts, spans)
    assert np.abs(one.sentiment - two.sentiment).max() < 0.05
    assert np.abs(one.span_sentiment - two.span_sentiment).max() < 0.1
    assert (one.embedding * two.embedding).sum(1).min() > 0.99


def test_eight_bits_change_few_readings_of_many(exact: Encoder, calibrations: Path) -> None:
    whole = load_encoder(backend="torch-int8", cache_dir=calibrations)
    texts = [verbatim.text for verbatim in load_texts(1).verbatims[:300]]
    one, two = exact.encode(texts, [()] * 300), whole.encode(texts, [()] * 300)
    # 0.003 where products are added in 8 bits, 0.005 in 7; one scale a token alone had 0.010.
    assert np.abs(one.sentiment - two.sentiment).mean() < 0.007
    assert (one.embedding * two.embedding).sum(1).mean() > 0.999


def test_the_weights_can_be_had_after_the_backend_has_laid_out_its_own(exact: Encoder) -> None:
    assert isinstance(exact, VocEncoder)
    again = exact.on(TorchBackend("torch-fp32", exact.network.encoder))
    assert np.allclose(again.encode(TEXTS, SPANS).sentiment, exact.encode(TEXTS, SPANS).sentiment, atol=1e-6)


def test_eight_bits_read_a_text_alike_alone_and_beside_longer_ones(calibrations: Path) -> None:
    whole = load_encoder(backend="torch-int8", cache_dir=calibrations)
    alone, beside = whole.encode(TEXTS[:1], SPANS[:1]), whole.encode(TEXTS, SPANS)
    # One scale for each token: what else is in the batch moves it only where a last digit rounds to another step.
    assert np.abs(alone.sentiment[0] - beside.sentiment[0]).max() < 0.02


def test_the_choice_of_backend_is_remembered_and_a_damaged_memory_is_made_anew(tmp_path: Path) -> None:
    chosen = load_encoder(cache_dir=tmp_path).info.backend
    (file,) = tmp_path.glob("calibration-*.json")
    assert json.loads(file.read_text())["backend"] == chosen
    file.write_text("{")
    load_encoder(cache_dir=tmp_path)
    assert json.loads(file.read_text())["backend"] in ("torch-fp32", "torch-bf16", "torch-int8")
