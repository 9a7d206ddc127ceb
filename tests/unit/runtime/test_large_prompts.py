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
