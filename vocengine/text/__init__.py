"""Text before any model: cleaned, masked, normalised, identified, segmented. Pure and fast; needs no service."""

from __future__ import annotations

from vocengine.text.clean import clean
from vocengine.text.language import UNDETERMINED, FastTextLanguages, LanguageGuess, LanguageIdentifier
from vocengine.text.mask import Found, Masked, NameFinder, mask
from vocengine.text.names import SpacyNames
from vocengine.text.normalise import Aligned, normalise
from vocengine.text.segment import Segment, segment

__all__ = [
    "UNDETERMINED",
    "Aligned",
    "FastTextLanguages",
    "Found",
    "LanguageGuess",
    "LanguageIdentifier",
    "Masked",
    "NameFinder",
    "Segment",
    "SpacyNames",
    "clean",
    "mask",
    "normalise",
    "segment",
]
