"""A prompt of megabytes is measured beside everything else, to the same figures."""

from __future__ import annotations

import threading

import pytest

from shunpike.runtime import counter
from shunpike.runtime.counter import LARGE, measured
from shunpike.tokens import prompt_bound, prompt_tokens
from shunpike.types import ChatRequest, Message


@pytest.mark.parametrize("length", [100, LARGE])
async def test_a_large_prompt_is_measured_in_another_thread(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    request = ChatRequest(messages=(Message(role="user", content="hello wörld " * (length // 12 + 1)),))
    threads: list[int] = []

    def counted(asked: ChatRequest) -> int:
        threads.append(threading.get_ident())
        return prompt_tokens(asked)

    monkeypatch.setattr(counter, "prompt_tokens", counted)
    assert await measured(request) == (prompt_tokens(request), prompt_bound(request))
    assert (threads == [threading.get_ident()]) == (length < LARGE)


def test_what_a_provider_gets_back_of_its_own_is_within_the_bound() -> None:
    """It is sent and billed as part of the prompt, so a budget has to hold it."""
    signature = {"openrouter": {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x" * 5_000}]}}
    turn = {"role": "assistant", "content": "yes", "private": signature}
    plain = ChatRequest.model_validate({"messages": [{"role": "user", "content": "hi"}, {**turn, "private": None}]})
    bearing = ChatRequest.model_validate({"messages": [{"role": "user", "content": "hi"}, turn]})
    assert prompt_bound(bearing) >= prompt_bound(plain) + 5_000
