"""Records that are made without a check are the ones that a check would make."""

from __future__ import annotations

import pickle

import pytest

from shunpike.types import Chunk, Grant, ProviderSettings
from shunpike.types.base import changed


def test_a_trusted_record_is_the_one_that_would_have_been_checked() -> None:
    made, checked = Chunk.model_construct(index=1, text="a"), Chunk(index=1, text="a")
    assert made == checked
    assert made.model_fields_set == checked.model_fields_set
    assert made.model_dump_json() == checked.model_dump_json()
    assert repr(made) == repr(checked)
    assert pickle.loads(pickle.dumps(made)) == checked


def test_a_changed_record_is_its_copy_with_the_change() -> None:
    grant = Grant(attempt_id="a")
    assert changed(grant, at_mono=2.0) == grant.model_copy(update={"at_mono": 2.0})
    assert changed(grant, at_mono=2.0).model_fields_set == {"attempt_id", "at_mono"}
    assert grant.at_mono is None


def test_a_trusted_record_is_frozen_like_any() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Chunk.model_construct(index=0).text = "b"  # type: ignore[misc]  # what the test is about


def test_what_is_made_anew_for_each_record_is_shared_by_none() -> None:
    one, other = ProviderSettings.model_construct(), ProviderSettings.model_construct()
    assert one == ProviderSettings()
    assert one.headers is not other.headers
