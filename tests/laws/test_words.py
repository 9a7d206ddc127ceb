"""Laws of the words: unknown fields are kept, names mean what they say, errors travel."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shunpike import errors
from shunpike.tokens import ESTIMATE, prompt_bound, prompt_tokens
from shunpike.types import ChatRequest, Decision, ImagePart, OtherPart, TextPart

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KNOWN = set(ChatRequest.model_fields)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True).filter(lambda k: k not in KNOWN), json_values))
def test_unknown_fields_of_a_request_are_kept_unless_they_are_empty(extra: dict[str, Any]) -> None:
    extra = {name: value for name, value in extra.items() if value not in (None, "", [], {})}
    request = ChatRequest.model_validate({"messages": [{"role": "user", "content": "hi"}], **extra})
    assert {name: request.model_dump(exclude_unset=True)[name] for name in extra} == extra


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_parts_of_every_kind_survive_a_round_trip(texts: list[str]) -> None:
    parts: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts]
    parts += [{"type": "image_url", "image_url": {"url": "data:,x", "detail": "low"}}, {"type": "hologram", "depth": 3}]
    request = ChatRequest.model_validate({"messages": [{"role": "user", "content": parts}]})
    content = request.messages[0].content
    assert isinstance(content, tuple)
    assert isinstance(content[0], TextPart)
    assert isinstance(content[-2], ImagePart)
    assert isinstance(content[-1], OtherPart)
    assert request.messages[0].text == "".join(texts)
    again = ChatRequest.model_validate(request.model_dump(exclude_unset=True))
    assert again == request


@pytest.mark.parametrize(
    "messages", [[], [{"role": "user", "content": ""}], [{"role": "robot", "content": "hi"}], [{"content": "hi"}]]
)
def test_a_request_that_says_nothing_is_refused(messages: list[dict[str, str]]) -> None:
    with pytest.raises(ValidationError):
        ChatRequest.model_validate({"messages": messages})


@given(st.text())
def test_the_bound_is_never_under_the_bytes(text: str) -> None:
    """A byte-level vocabulary needs at least one byte for a token, so bytes bound tokens from above."""
    request = ChatRequest.model_validate({"messages": [{"role": "user", "content": text + "x"}]})
    assert prompt_bound(request) >= len(text.encode("utf-8", "replace"))


@given(st.text(), st.text())
def test_more_text_never_takes_fewer_tokens(a: str, b: str) -> None:
    assert ESTIMATE.count(a + "\n" + b) >= max(ESTIMATE.count(a), ESTIMATE.count(b))


@given(st.from_regex(r"[0-9]{1,60}", fullmatch=True) | st.from_regex(r"[0-9][0-9a-f]{1,60}", fullmatch=True))
def test_digits_and_hex_are_never_under_three_characters_a_token(text: str) -> None:
    """o200k_base takes at most three digits into one token; a rule of four characters is far under for these."""
    assert ESTIMATE.count(text) * 3.5 >= len(text)


@given(st.from_regex(r"[一-龥]{1,40}", fullmatch=True))
def test_chinese_takes_at_least_one_token_a_character(text: str) -> None:
    assert ESTIMATE.count(text) >= len(text)


def test_tools_and_images_count() -> None:
    plain = ChatRequest.model_validate({"messages": "hi" and [{"role": "user", "content": "hi"}]})
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    assert prompt_tokens(plain.model_copy(update={"tools": tuple(tools)})) > prompt_tokens(plain)


def _leaves() -> list[errors.ShunpikeError]:
    provider = {"provider": "p", "model": "m", "status": 429}
    made: list[errors.ShunpikeError] = []
    for value in vars(errors).values():
        if not (isinstance(value, type) and issubclass(value, errors.ShunpikeError)):
            continue
        if issubclass(value, errors.ProviderError):
            made.append(value("broken", **provider, hint="do"))
        elif value is errors.Exhausted:
            decision = Decision(requested_model="auto", strategy="priority")
            made.append(errors.Exhausted("nothing", decision=decision, retry_at=5.0))
        elif value is errors.PluginError:
            made.append(errors.PluginError("bad", plugin="x"))
        elif value is errors.UnknownModel:
            made.append(errors.UnknownModel("gone", successor="next"))
        else:
            made.append(value("wrong", hint="do this"))
    return made


@pytest.mark.parametrize("error", _leaves(), ids=lambda error: type(error).__name__)
def test_every_error_survives_pickling_with_all_it_knows(error: errors.ShunpikeError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.args == error.args
    assert vars(again) == vars(error)


def test_every_error_is_drawn_in_the_tree() -> None:
    classes = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
    # A warning is an exception to Python; nobody raises it.
    names = {name for name, kind in classes.items() if issubclass(kind, Exception) and not issubclass(kind, Warning)}
    assert all(name in (errors.__doc__ or "") for name in names)
