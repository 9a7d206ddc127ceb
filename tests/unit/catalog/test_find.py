"""Models are found by the names that people and answers use."""

from __future__ import annotations

from datetime import date

from shunpike.catalog import find, successor_of
from shunpike.types import ModelInfo


def model(name: str, **facts) -> ModelInfo:
    return ModelInfo(provider="p", id=name, as_of=date(2026, 1, 1), source="test", **facts)


MODELS = (
    model("big-2", aliases=("big", "big-latest")),
    model("big-1", status="retired", successor="big"),
    model("big-0", status="retired", successor="big-1"),
    model("big-2-2026-01-01", status="deprecated"),
    model("lost", status="retired"),
    model("loop-a", status="retired", successor="loop-b"),
    model("loop-b", status="retired", successor="loop-a"),
)


def found(name: str) -> str | None:
    one = find(MODELS, name)
    return None if one is None else one.id


def test_a_model_is_found_by_id_and_by_alias():
    assert (found("big-2"), found("big-latest")) == ("big-2", "big-2")


def test_a_retired_model_is_found_and_says_so():
    assert find(MODELS, "big-1").status == "retired"


def test_a_name_that_nothing_has_is_not_found():
    assert found("bigger") is None


def test_a_snapshot_with_a_row_of_its_own_is_that_row():
    assert found("big-2-2026-01-01") == "big-2-2026-01-01"


def test_the_date_that_answers_append_is_looked_through():
    assert (found("big-2-2026-08-06"), found("big-2-20260806"), found("big-2-preview")) == ("big-2", "big-2", None)


def test_a_successor_is_followed_to_one_that_still_answers():
    assert successor_of(MODELS, MODELS[2]).id == "big-2"


def test_without_a_known_successor_there_is_none():
    assert successor_of(MODELS, MODELS[4]) is None
    assert successor_of(MODELS, model("x", successor="gone")) is None


def test_successors_in_a_circle_end():
    assert successor_of(MODELS, MODELS[5]) is None
