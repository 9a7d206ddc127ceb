"""What a provider can't honour is said; what another provider wants back is not sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shunpike.errors import NotHere
from shunpike.types import ChatRequest
from shunpike.wire import ChatBackend, Dialect
from shunpike.wire.body import chat_body
from shunpike.wire.unsupported import check_parts, lost, strangers

Make = Callable[..., Any]
CALLS = [{"id": "a", "function": {"name": "now", "arguments": "{}"}}]


def asked(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", **fields}]}


def sent(call: Any, **dialect: Any) -> dict[str, Any]:
    message: dict[str, Any] = chat_body(call, Dialect(**dialect), "acme")["messages"][-1]
    return message


def test_what_other_providers_want_back_is_left_out_and_named(make_call: Make, make_backend: Make) -> None:
    call = make_call(**asked(content="y", private={"zeta": {"s": 1}, "acme": {"s": 2}}))
    [text] = strangers(call.request, "acme")
    assert "zeta" in text
    backend: ChatBackend = make_backend()
    assert backend.warnings(call, streamed=False) == (text,)
    assert sent(call, private_fields=("s",))["s"] == 2
    assert "private" not in sent(call)


def test_a_strict_call_may_go_on_where_another_provider_began(make_call: Make, make_backend: Make) -> None:
    call = make_call(strict=True, **asked(content="y", private={"zeta": {"s": 1}}))
    assert make_backend().warnings(call, streamed=False)


def test_a_part_that_is_not_taken_goes_elsewhere(make_call: Make) -> None:
    part = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}}
    call = make_call(messages=[{"role": "user", "content": [{"type": "text", "text": "x"}, part]}])
    check_parts(call, Dialect(), "acme")
    with pytest.raises(NotHere, match="'input_audio'; expected text or image_url") as caught:
        check_parts(call, Dialect(parts=("text", "image_url")), "acme")
    assert caught.value.kind == "unsupported"


def test_thinking_goes_back_with_the_calls_that_it_led_to_however_it_is_named(make_call: Make) -> None:
    for told in ({"reasoning": "hm"}, {"reasoning_content": "hm"}):
        call = make_call(**asked(tool_calls=CALLS, **told))
        assert sent(call, send_reasoning="thought")["thought"] == "hm"
        assert set(sent(call)) == {"role", "tool_calls"}
    assert sent(make_call(**asked(tool_calls=CALLS)), send_reasoning="thought")["thought"] == ""
    assert "thought" not in sent(make_call(**asked(content="y", reasoning="hm")), send_reasoning="thought")


def test_the_thinking_of_another_provider_goes_nowhere(make_call: Make) -> None:
    for home, thought in (("acme", "hm"), ("zeta", "")):
        call = make_call(**asked(tool_calls=CALLS, reasoning="hm", private={home: {}}))
        assert sent(call, send_reasoning="thought")["thought"] == thought


def test_a_refusal_is_sent_as_text_where_the_word_is_unknown(make_call: Make) -> None:
    call = make_call(**asked(refusal="I can't."))
    assert sent(call)["refusal"] == "I can't."
    assert sent(call, send_refusal=False) == {"role": "assistant", "content": "I can't."}


def test_what_an_answer_cites_is_not_sent_back(make_call: Make) -> None:
    cited = [{"type": "url_citation", "url_citation": {"url": "https://example.com"}}]
    assert set(sent(make_call(**asked(content="y", annotations=cited)))) == {"role", "content"}


@pytest.mark.parametrize(
    ("model", "effort", "found"),
    [
        ("m1", "minimal", "low"),
        ("m1", "high", "high"),
        ("m1-pro", "minimal", "minimal"),
        ("m1-pro", "xhigh", "max"),
        ("other", "xhigh", "xhigh"),
    ],
)
def test_an_effort_is_named_as_the_model_knows_it(make_call: Make, model: str, effort: str, found: str) -> None:
    known = {"m1": {"minimal": "low", "none": "low"}, "m1-pro": {"*": "max", "minimal": "minimal"}}
    call = make_call(reasoning_effort=effort).model_copy(update={"model": model})
    assert chat_body(call, Dialect(efforts=known), "acme")["reasoning_effort"] == found


def test_a_model_that_always_reasons_says_so(make_call: Make) -> None:
    [text] = lost(make_call(reasoning_effort="none"), Dialect(efforts={"m": {"none": "low"}}), "acme", streamed=False)
    assert "'low' instead" in text
    assert lost(make_call(reasoning_effort="none"), Dialect(), "acme", streamed=False) == ()


def test_a_conversation_of_one_provider_loses_nothing() -> None:
    assert strangers(ChatRequest(messages=[{"role": "user", "content": "x"}]), "acme") == ()
