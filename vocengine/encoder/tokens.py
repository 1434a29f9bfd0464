"""Texts and character spans → rows of tokens and token pieces, long texts as overlapping windows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from vocengine.text.normalise import normalise

_SPECIALS = 2


@dataclass(frozen=True, slots=True)
class Windows:
    """How a text longer than the encoder reads is cut: every token is pooled from exactly one window."""

    tokens: int = 256
    overlap_tokens: int = 32
    most: int = 64


@dataclass(slots=True)
class Layout:
    """What to run and what to pool.

    `rows` are token ids without specials. Piece k is the half-open range `piece_range[k]` of row `piece_row[k]`
    (position 0 is [CLS]) and belongs to `piece_owner[k]`: text i is owner i, span j owner n + j.
    `skipped[i]` counts the windows of text i that are not read.
    """

    rows: list[list[int]]
    piece_row: list[int]
    piece_range: list[tuple[int, int]]
    piece_owner: list[int]
    skipped: npt.NDArray[np.int64]
    owners: int


@dataclass(frozen=True, slots=True)
class _Window:
    start: int
    end: int
    own_start: int
    own_end: int


def lay_out(
    texts: Sequence[str],
    spans: Sequence[Sequence[tuple[int, int]]],
    *,
    tokenizer: Tokenizer,
    windows: Windows,
) -> Layout:
    """Tokenise masked texts as models read them and find the tokens of each character span of theirs."""
    aligned = [normalise(text) for text in texts]
    encodings = tokenizer.encode_batch([each.text for each in aligned], add_special_tokens=False)
    layout = Layout([], [], [], [], np.zeros(len(texts), dtype=np.int64), len(texts) + sum(map(len, spans)))
    owner = len(texts)
    for number, (reading, encoding, wanted) in enumerate(zip(aligned, encodings, spans, strict=True)):
        ids: list[int] = encoding.ids
        ranges: list[tuple[int, int]] = []
        if wanted:
            offsets = encoding.offsets
            starts = [start for start, _ in offsets]
            ends = [end for _, end in offsets]
            for span in wanted:
                start, end = reading.from_source(*span)
                ranges.append((bisect_right(ends, start), bisect_left(starts, end)))
        cut, layout.skipped[number] = _windows(len(ids), windows)
        for window in cut:
            _add_row(layout, ids, window, ranges, number, owner)
        owner += len(wanted)
    return layout


def _add_row(
    layout: Layout,
    ids: list[int],
    window: _Window,
    ranges: Sequence[tuple[int, int]],
    number: int,
    owner: int,
) -> None:
    row, shift = len(layout.rows), 1 - window.start
    layout.rows.append(ids[window.start : window.end])
    # [CLS] and [SEP] belong to the text as a whole, as in training; never to a span.
    begin = 0 if window.start == 0 else window.own_start + shift
    end = window.end + shift + 1 if window.end == len(ids) else window.own_end + shift
    layout.piece_row.append(row)
    layout.piece_range.append((begin, end))
    layout.piece_owner.append(number)
    for place, (start, end) in enumerate(ranges):
        first, last = max(start, window.own_start), min(end, window.own_end)
        if first < last:
            layout.piece_row.append(row)
            layout.piece_range.append((first + shift, last + shift))
            layout.piece_owner.append(owner + place)


def _windows(tokens: int, windows: Windows) -> tuple[list[_Window], int]:
    """The windows to read of a text of so many tokens, spread evenly where there are too many, and how many not."""
    room = windows.tokens - _SPECIALS
    if tokens <= room:
        return [_Window(0, tokens, 0, tokens)], 0
    stride, half = room - windows.overlap_tokens, windows.overlap_tokens // 2
    count = 1 + -(-(tokens - room) // stride)
    chosen = np.unique(np.linspace(0, count - 1, min(count, windows.most)).round().astype(int))
    cut: list[_Window] = []
    for index in chosen.tolist():
        start, end = index * stride, min(index * stride + room, tokens)
        # Of an overlap, each window pools the half that it sees with more context.
        own_start = start if index == 0 else start + half
        own_end = end if index == count - 1 else start + stride + half
        cut.append(_Window(start, end, own_start, own_end))
    return cut, count - len(cut)


def batches_by_tokens(lengths: Sequence[int], *, budget_tokens: int) -> Iterator[list[int]]:
    """Row numbers in batches, longest first, none of more than `budget_tokens` tokens with its padding."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    begin = 0
    while begin < len(order):
        size = max(1, budget_tokens // max(1, lengths[order[begin]]))
        yield order[begin : begin + size]
        begin += size
