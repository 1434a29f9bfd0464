"""One small encoder, one pass: sentiment, emotions and an embedding for a text and for each of its spans."""

from __future__ import annotations
