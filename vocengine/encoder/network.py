"""The network: a MiniLM-L6 encoder, attention pooling over any spans of its token states, and small heads.

The encoder is BERT (Devlin et al. 2019) in the size of MiniLM (Wang et al. 2020), written out here with one fused
product for query, key and value, so that loading it needs torch alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the encoder; the defaults are MiniLM-L6."""

    vocabulary: int = 30_522
    positions: int = 512
    dimensions: int = 384
    layers: int = 6
    attention_heads: int = 12
    inner: int = 1_536
    dropout: float = 0.1


class Layer(nn.Module):
    """One transformer layer, normalised after each half as in BERT."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.attention_heads
        self.qkv = nn.Linear(shape.dimensions, 3 * shape.dimensions)
        self.out = nn.Linear(shape.dimensions, shape.dimensions)
        self.norm_attention = nn.LayerNorm(shape.dimensions, eps=1e-12)
        self.up = nn.Linear(shape.dimensions, shape.inner)
        self.down = nn.Linear(shape.inner, shape.dimensions)
        self.norm_inner = nn.LayerNorm(shape.dimensions, eps=1e-12)
        self.dropout = Dropout(shape.dropout)

    def forward(self, states: Tensor, bias: Tensor | None) -> Tensor:
        rows, length, width = states.shape
        q, k, v = self.qkv(states).view(rows, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        context = _attend(q, k, v, bias).transpose(1, 2).reshape(rows, length, width)
        states = self.norm_attention(states + self.dropout(self.out(context)))
        normed: Tensor = self.norm_inner(states + self.dropout(self.down(F.gelu(self.up(states)))))
        return normed


def _attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    # On a CPU the fused attention with a gradient takes 3 to 7 times as long as plain products on texts this short.
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    weights = (scores if bias is None else scores + bias).softmax(-1)
    context: Tensor = weights.to(v.dtype) @ v
    return context


class Dropout(nn.Module):
    """Dropout whose chance is a whole number of 256ths, so that one random byte decides over one element.

    On a CPU it takes a third of the time of torch's, which draws a float for each.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.dropped = round(256 * p)

    def forward(self, states: Tensor) -> Tensor:
        if not (self.training and self.dropped):
            return states
        count = states.numel()
        drawn = torch.empty((count + 7) // 8, dtype=torch.int64, device=states.device)
        # All 64 bits at random: the default of random_ leaves the sign out.
        drawn.random_(-(2**63), None)
        kept = drawn.view(torch.uint8)[:count].view(states.shape) >= self.dropped
        return states * (kept.to(states.dtype) * (256 / (256 - self.dropped)))


class TokenEncoder(nn.Module):
    """(n, length) token ids and 0/1 mask → (n, length, dimensions) token states."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.words = nn.Embedding(shape.vocabulary, shape.dimensions)
        self.positions = nn.Embedding(shape.positions, shape.dimensions)
        self.segment = nn.Parameter(torch.zeros(shape.dimensions))
        self.norm = nn.LayerNorm(shape.dimensions, eps=1e-12)
        self.dropout = Dropout(shape.dropout)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        states: Tensor = self.words(ids) + self.positions.weight[: ids.shape[1]] + self.segment
        states = self.dropout(self.norm(states))
        if torch.is_autocast_enabled("cpu"):
            states = states.to(torch.get_autocast_dtype("cpu"))
        bias = torch.zeros(mask.shape, dtype=states.dtype).masked_fill(mask == 0, torch.finfo(states.dtype).min)
        bias = bias[:, None, None, :]
        for layer in self.layers:
            states = layer(states, bias)
        return states


@dataclass(frozen=True, slots=True)
class Pooled:
    """Pools of s spans of each of n rows.

    `attended` (n, s, d) by learned weights, `attention_mass` (n, s) the log of their sum, by which pools of
    several windows merge exactly; `mean` (n, s, d) plain means.
    """

    attended: Tensor
    attention_mass: Tensor
    mean: Tensor


class AttentionPool(nn.Module):
    """Learned weights over the tokens of a span; the whole text is the span of all tokens."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.score = nn.Linear(dimensions, 1)
        self.value = nn.Linear(dimensions, dimensions)

    def forward(self, states: Tensor, spans: Tensor) -> Pooled:
        """Pool (n, length, d) states over (n, s, length) 0/1 span masks; an empty span gives zeros."""
        inside = spans.bool()
        scores = self.score(states).squeeze(-1).float()
        masked = scores[:, None, :].masked_fill(~inside, float("-inf"))
        # An empty span would be softmax over nothing, NaN; its mass stays -inf, its weights become zero.
        mass = masked.logsumexp(-1)
        weights = torch.where(inside, (masked - mass[..., None].clamp_min(-1e30)).exp(), 0.0)
        values = F.gelu(self.value(states))
        share = inside.float() / inside.sum(-1, keepdim=True).clamp_min(1)
        return Pooled(
            attended=torch.bmm(weights.to(values.dtype), values),
            attention_mass=mass,
            mean=torch.bmm(share.to(states.dtype), states),
        )


class Head(nn.Module):
    """Two layers from a pooled state to the logits of one task."""

    def __init__(self, dimensions: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(dimensions, dimensions)
        self.out = nn.Linear(dimensions, labels)
        self.dropout = Dropout(dropout)

    def forward(self, pooled: Tensor) -> Tensor:
        logits: Tensor = self.out(self.dropout(F.gelu(self.hidden(self.dropout(pooled)))))
        return logits


class Network(nn.Module):
    """Encoder, pool and one head for each task, named in `heads` with its number of labels.

    `encoder` is another one of the same use (a teacher's) with the dimensions of `shape`.
    """

    def __init__(self, heads: dict[str, int], shape: Shape | None = None, encoder: nn.Module | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        # Another encoder is called in the same way; what else TokenEncoder has, only the serving code asks for.
        self.encoder = TokenEncoder(self.shape) if encoder is None else cast(TokenEncoder, encoder)
        self.pool = AttentionPool(self.shape.dimensions)
        self.heads = nn.ModuleDict(
            {name: Head(self.shape.dimensions, labels, self.shape.dropout) for name, labels in heads.items()}
        )

    def forward(self, ids: Tensor, mask: Tensor, spans: Tensor | None = None) -> Pooled:
        """Pools of (n, length) token ids over (n, s, length) `spans`, by default the whole of each row."""
        pooled: Pooled = self.pool(self.encoder(ids, mask), mask[:, None, :] if spans is None else spans)
        return pooled


def base_state(weights: Path, *, layers: int = 6) -> dict[str, Tensor]:
    """The token encoder's parameters, read from a BERT checkpoint as Hugging Face writes it."""
    bert = load_file(weights)
    state = {
        "words.weight": bert["embeddings.word_embeddings.weight"],
        "positions.weight": bert["embeddings.position_embeddings.weight"],
        # One segment only: its row of the token-type table is a constant.
        "segment": bert["embeddings.token_type_embeddings.weight"][0].clone(),
        "norm.weight": bert["embeddings.LayerNorm.weight"],
        "norm.bias": bert["embeddings.LayerNorm.bias"],
    }
    places = {
        "out": "attention.output.dense",
        "norm_attention": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "norm_inner": "output.LayerNorm",
    }
    for index in range(layers):
        old, new = f"encoder.layer.{index}", f"layers.{index}"
        for kind in ("weight", "bias"):
            parts = [bert[f"{old}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{new}.qkv.{kind}"] = torch.cat(parts)
            for name, place in places.items():
                state[f"{new}.{name}.{kind}"] = bert[f"{old}.{place}.{kind}"]
    return state
