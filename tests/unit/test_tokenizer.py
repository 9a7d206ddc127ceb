"""A vocabulary is used where it is there, never fetched, and the labelled estimate serves everywhere else."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from shunpike.tokens import ESTIMATE, tokenizer_for


class Encoding:
    def encode_ordinary(self, text: str) -> list[str]:
        return text.split()


@pytest.fixture
def vocabulary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A tiktoken that knows one model, and the file that its vocabulary would be kept in."""

    def name_of(model: str) -> str:
        return {"m-1": "words_base"}[model]

    package, models = ModuleType("tiktoken"), ModuleType("tiktoken.model")
    vars(models)["encoding_name_for_model"] = name_of
    vars(package).update(model=models, get_encoding=lambda _: Encoding())
    monkeypatch.setitem(sys.modules, "tiktoken", package)
    monkeypatch.setitem(sys.modules, "tiktoken.model", models)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    address = "https://openaipublic.blob.core.windows.net/encodings/words_base.tiktoken"
    tokenizer_for.cache_clear()
    yield tmp_path / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    tokenizer_for.cache_clear()


def test_a_vocabulary_on_disk_counts(vocabulary: Path) -> None:
    vocabulary.write_text("")
    found = tokenizer_for("north/m-1")
    assert (found.label, found.count("three small words")) == ("words_base", 3)


def test_a_vocabulary_that_would_have_to_be_fetched_is_not_used(vocabulary: Path) -> None:
    assert not vocabulary.exists()
    assert tokenizer_for("m-1") is ESTIMATE


def test_a_model_that_nobody_knows_is_estimated(vocabulary: Path) -> None:
    vocabulary.write_text("")
    assert tokenizer_for("m-2") is ESTIMATE


def test_without_the_package_everything_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    tokenizer_for.cache_clear()
    assert tokenizer_for("m-1") is ESTIMATE
    tokenizer_for.cache_clear()
