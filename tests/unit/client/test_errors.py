"""What a person sees of an error that nobody caught, and what survives a process border."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Iterator

import pytest

import shunpike.errors
from shunpike.complaints import in_words
from shunpike.errors import Exhausted, PluginError, ProviderError, ShunpikeError, UsageError
from shunpike.types import Decision


def every() -> Iterator[ShunpikeError]:
    for found in vars(shunpike.errors).values():
        if not isinstance(found, type) or not issubclass(found, ShunpikeError):
            continue
        if issubclass(found, ProviderError):
            yield found("it broke", provider="acme", model="m", status=500, hint="do this")
        elif issubclass(found, PluginError):
            yield found("it broke", plugin="acme", hint="do this")
        elif issubclass(found, Exhausted):
            decision = Decision(requested_model="auto", strategy="priority")
            yield found("it broke", decision=decision, retry_at=5.0, hint="do this")
        else:
            yield found("it broke", hint="do this")


ERRORS = pytest.mark.parametrize("error", list(every()), ids=lambda error: type(error).__name__)


@ERRORS
def test_an_error_that_nobody_caught_says_what_to_do_next(error: ShunpikeError) -> None:
    shown = "".join(traceback.format_exception(error))
    assert shown.endswith(f"{type(error).__name__}: it broke\nhint: do this\n")
    assert str(error) == "it broke\nhint: do this"
    assert error.message == "it broke"


@ERRORS
def test_an_error_is_the_same_after_pickling_and_copying(error: ShunpikeError) -> None:
    error.request_id = "req_1"
    error.add_note("seen at noon")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)


def test_a_hint_that_is_given_later_is_shown_too_and_none_leaves_no_line() -> None:
    error = UsageError("it broke")
    assert str(error) == "it broke"
    error.hint = "do this"
    assert str(error) == "it broke\nhint: do this"


def test_a_hint_is_no_part_of_a_sentence_about_an_error() -> None:
    assert in_words(UsageError("it broke", hint="do this")) == "UsageError: it broke"


def test_a_key_is_masked_in_the_message_and_in_the_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-very-secret-key")
    error = UsageError("sk-very-secret-key is odd", hint="drop sk-very-secret-key")
    assert "very-secret" not in "".join(traceback.format_exception(error)) + repr(error)
