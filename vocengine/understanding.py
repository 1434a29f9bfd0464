"""How pressing a message is, from what the encoder read and from plain words of urgency.

Stated plainly because it is simple: the rules stand below, and no model is behind them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vocengine.contracts import Labelled, Sentiment
from vocengine.contracts.enriched import Urgency

_URGENT = re.compile(
    r"\b(?:urgent(?:ly)?|asap|immediately|right now|emergency|today|legal action|lawyer|fire|unsafe)\b", re.I
)
# Long texts are read for words of urgency at both ends; it is said early or at the close.
_ENDS_CHARS = 4_000


def urgency_of(
    text: str, sentiment: Sentiment | None, emotions: Sequence[Labelled], intents: Sequence[Labelled]
) -> Urgency:
    """`high` where an unhappy customer presses, rages or leaves, `low` where nothing is wrong."""
    if sentiment is None:
        return "normal"
    if sentiment.label == "negative":
        angry = any(e.label == "anger" for e in emotions)
        leaving = any(i.label == "cancel" for i in intents)
        return "high" if angry or leaving or _URGENT.search(_ends(text)) else "normal"
    return "low" if sentiment.label == "positive" else "normal"


def _ends(text: str) -> str:
    return text if len(text) <= 2 * _ENDS_CHARS else f"{text[:_ENDS_CHARS]}\n{text[-_ENDS_CHARS:]}"
