"""The messages on the wire, and their codecs: what goes in, what comes out, what could not be read."""

from vocengine.contracts.alert import Alert, CoursePoint, Driver, Evidence, Verbatim
from vocengine.contracts.case import Case, CaseAction, CaseState, Escalated, Verdict
from vocengine.contracts.dead_letter import DeadLetter, Rejected
from vocengine.contracts.enriched import Enriched, Labelled, ModelUsed, Origin, Sentiment, Span, SpanTopic
from vocengine.contracts.feedback import CHANNELS, Feedback, Rating, Turn
from vocengine.contracts.mention import SIGNALS, Mention
from vocengine.contracts.wire import (
    decode_alert,
    decode_case,
    decode_enriched,
    decode_feedback,
    decode_mention,
    encode,
)

__all__ = [
    "CHANNELS",
    "SIGNALS",
    "Alert",
    "Case",
    "CaseAction",
    "CaseState",
    "CoursePoint",
    "DeadLetter",
    "Driver",
    "Enriched",
    "Escalated",
    "Evidence",
    "Feedback",
    "Labelled",
    "Mention",
    "ModelUsed",
    "Origin",
    "Rating",
    "Rejected",
    "Sentiment",
    "Span",
    "SpanTopic",
    "Turn",
    "Verbatim",
    "Verdict",
    "decode_alert",
    "decode_case",
    "decode_enriched",
    "decode_feedback",
    "decode_mention",
    "encode",
]
