"""Records that a caller makes with what can't be: one error of ours, without the key that stood in the wrong place."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from shunpike import ChatRequest, Message, Money, ProviderSettings, Settings, UsageError
from shunpike.types import Budget, Timeouts

KEY = "my-own-secret-of-no-known-form"
WRONG: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (Settings, {"ordr": ("a",)}, "Settings has no field 'ordr'. Did you mean 'order'?"),
    (Settings, {"api_key": KEY}, "Settings has no field 'api_key'"),
    (Settings, {"order": "groq"}, "Settings: order must be a list, got 'groq'"),
    (Settings, {"timeout": "soon"}, "got 'soon'"),
    (Settings, {"budgets": [{"amount": 0.1, "period": "day"}]}, "Settings: budgets.0.amount: money from the float 0.1"),
    (Settings, {"providers": "groq"}, "Settings: providers must be an object of names and values"),
    (Settings, {"providers": {"groq": KEY}}, "Settings: providers.groq must be an object of names and values"),
    (Settings, {"providers": {"groq": {"keey": KEY}}}, "Settings.providers.groq has no field 'keey'"),
    (Settings, {"providers": {"groq": {"timeouts": KEY}}}, "Settings: providers.groq.timeouts must be an object"),
    (Settings, {"store": [KEY]}, "Settings: store must be text"),
    (ProviderSettings, {"api_key": KEY}, "ProviderSettings has no field 'api_key'"),
    (ProviderSettings, {"key": [KEY]}, "ProviderSettings: key must be text"),
    (ProviderSettings, {"headers": [KEY]}, "ProviderSettings: headers must be an object of names and values"),
    (ProviderSettings, {"price": "cheap"}, "ProviderSettings: price must be 'list' or 'free', got 'cheap'"),
    (Timeouts, {"conect": 5}, "Timeouts has no field 'conect'. Did you mean 'connect'?"),
    (Budget, {"amount": "1"}, "Budget: period is missing"),
    (Message, {"role": "bot"}, "Message: role must be 'system', 'developer', 'user'"),
    (Message, {"content": "hi"}, "Message: role is missing"),
    (ChatRequest, {}, "ChatRequest: messages is missing"),
    (ChatRequest, {"messages": "hi", "temperature": "hot"}, "ChatRequest: temperature must be a number, got 'hot'"),
    (Money, {"pico": "x"}, "Money: pico must be a whole number, got 'x'"),
]


@pytest.mark.parametrize(("make", "fields", "said"), WRONG, ids=lambda value: "")
def test_a_record_that_is_made_wrongly_is_one_error_of_ours(
    make: Callable[..., Any], fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make(**fields)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert KEY not in str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None
    assert isinstance(caught.value, ValueError), "what catches pydantic's errors catches this one"


@pytest.mark.parametrize("make", [Settings, ProviderSettings, Message, ChatRequest, Money, Budget, Timeouts])
def test_a_value_without_a_name_is_told_how_names_are_given(make: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match=f"{make.__name__} takes names with its values, got 2 without") as caught:
        make("user", "hi")
    assert f"{make.__name__}(" in str(caught.value.hint)


@pytest.mark.parametrize("make", [Settings.model_validate, ProviderSettings.model_validate])
def test_the_words_of_pydantic_do_not_repeat_a_key_either(make: Callable[[Any], Any]) -> None:
    for value in ({"api_key": KEY}, {"key": [KEY]}, {"providers": {"groq": {"key": [KEY]}}}):
        with pytest.raises(ValueError, match="validation error") as caught:
            make(value)
        assert KEY not in str(caught.value) + repr(caught.value)


def test_a_record_that_is_made_rightly_is_what_it_was() -> None:
    settings = Settings(
        order=("a",), providers={"a": ProviderSettings(key="x")}, budgets=(Budget(amount="1", period="day"),)
    )  # type: ignore[arg-type]
    assert settings == Settings.model_validate(settings.model_dump() | {"providers": {"a": {"key": "x"}}})
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert {"role", "content"} <= set(inspect.signature(Message).parameters)
