"""Intents and urgency from what the encoder read and from plain cues; a model of their own comes later.

Stated plainly because it is simple: complaint and praise follow the sentiment and the emotions that carry them,
questions, suggestions and cancel intent follow words. `benchmarks/` says how often they are right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vocengine.contracts import Labelled, Sentiment
from vocengine.contracts.enriched import Urgency

_ANGRY = frozenset({"anger", "annoyance", "disappointment", "disapproval", "disgust"})
_PLEASED = frozenset({"admiration", "approval", "gratitude", "joy", "love", "excitement"})

_QUESTION = re.compile(r"\?|^(?:can|could|how|what|when|where|why|who|is there|do you|does|will)\b", re.I | re.M)
_SUGGESTION = re.compile(
    r"\b(?:please add|would be (?:nice|great|good|better|helpful) (?:if|to)|you should|should (?:add|offer|have)|"
    r"i (?:wish|suggest|recommend) (?:you|that|there)|it would help|why not|could you (?:add|make))\b",
    re.I,
)
_CANCEL = re.compile(
    r"\b(?:cancel(?:l?ing)?(?: my| the| our)? (?:account|order|membership|subscription|contract)|"
    r"clos(?:e|ing) (?:my|our|the) account|(?:want|demand|need|get) (?:a|my|our) (?:full )?(?:refund|money back)|"
    r"(?:never|not) (?:be )?(?:shop|buy|order|com|us|fly|book)\w*(?: \w+){0,3} again|switch(?:ing)? to|"
    r"tak(?:e|ing) (?:my|our) (?:business|custom) elsewhere|(?:i'm|we're|i am|we are) (?:done|leaving|out))\b",
    re.I,
)
_URGENT = re.compile(
    r"\b(?:urgent(?:ly)?|asap|immediately|right now|emergency|today|legal action|lawyer|fire|unsafe)\b", re.I
)
# Long texts are read for cues at both ends; intent is said early or at the close.
_CUE_CHARS = 4_000


def intents_of(text: str, sentiment: Sentiment | None, emotions: Sequence[Labelled]) -> tuple[Labelled, ...]:
    """The intents that apply, each with a score 0..1; none for a text that was not scored."""
    if sentiment is None:
        return ()
    felt = {e.label: e.score for e in emotions}
    text = _ends(text)
    found = {
        "complaint": sentiment.negative if sentiment.label == "negative" or _ANGRY & felt.keys() else 0.0,
        "praise": sentiment.positive if sentiment.label == "positive" and _PLEASED & felt.keys() else 0.0,
        "question": 0.9 if _QUESTION.search(text) else 0.0,
        "suggestion": 0.8 if _SUGGESTION.search(text) else 0.0,
        "cancel": 0.8 if sentiment.label != "positive" and _CANCEL.search(text) else 0.0,
    }
    return tuple(Labelled(label, round(score, 3)) for label, score in found.items() if score >= 0.3)


def urgency_of(text: str, sentiment: Sentiment | None, emotions: Sequence[Labelled]) -> Urgency:
    """`high` where an unhappy customer presses or threatens to leave, `low` where nothing is wrong."""
    if sentiment is None:
        return "normal"
    if sentiment.label == "negative":
        text = _ends(text)
        angry = any(e.label == "anger" for e in emotions)
        return "high" if angry or _URGENT.search(text) or _CANCEL.search(text) else "normal"
    return "low" if sentiment.label == "positive" else "normal"


def _ends(text: str) -> str:
    return text if len(text) <= 2 * _CUE_CHARS else f"{text[:_CUE_CHARS]}\n{text[-_CUE_CHARS:]}"
