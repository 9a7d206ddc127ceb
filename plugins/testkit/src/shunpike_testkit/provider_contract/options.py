"""Laws of parameters: each one is passed on, or its loss is told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shunpike.errors import NotHere
from shunpike.types import Answer
from shunpike_testkit.contract import ONE_LOOP
from shunpike_testkit.provider_contract.basis import ProviderBasis
from shunpike_testkit.provider_contract.bench import answer

OPTIONS: dict[str, Any] = {
    "temperature": 0.3,
    "top_p": 0.9,
    "top_k": 40,
    "seed": 7,
    "stop": ("END",),
    "n": 2,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "logit_bias": {"50": 1},
    "logprobs": True,
    "user": "somebody",
    "metadata": {"purpose": "conformance"},
    "store": True,
    "service_tier": "auto",
    "reasoning_effort": "low",
    "response_format": {"type": "json_object"},
    "conformance_option": "nobody knows it",
}
PROMPT = "Answer in JSON: how is the weather?"
OF_TOOLS = ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "toolConfig", "tool_config")
"""Fields that many providers refuse where no tools are given, and none where they say nothing."""


class OptionLaws(ProviderBasis):
    """No parameter of a request gets lost in silence."""

    @ONE_LOOP
    @pytest.mark.parametrize("option", OPTIONS)
    async def test_an_option_is_passed_or_its_loss_is_told(self, way: str, option: str) -> None:
        """It changes what is sent, or a warning of the answer names it; a strict call raises `NotHere` instead."""
        given = {option: OPTIONS[option]}
        async with self.bench(self.told(way, answer())) as bench:
            await bench.ask(way, bench.call(PROMPT))
            found = await bench.ask(way, bench.call(PROMPT, **given))
            plain, sent = (request.json for request in bench.upstream.requests)
            named = _named(found, option)
            assert named or sent != plain, (
                f"{way}: {given} changed nothing that was sent and no warning names {option!r}: pass it on, or put a "
                "sentence with its name into the answer's warnings (of a stream, into those of a piece)"
            )
            if named:
                error = await self.failure(bench, way, bench.call(PROMPT, strict=True, **given))
                assert isinstance(error, NotHere), (
                    f"{way}: {given} with strict=True can't be honoured and must raise NotHere (kind 'unsupported'), "
                    f"got {type(error).__name__}"
                )
                count = len(bench.upstream.requests)
                assert count == 2, f"{way}: a strict call that can't be honoured was sent: raise before sending"

    @ONE_LOOP
    async def test_what_was_not_asked_for_is_not_sent_as_nothing(self, way: str) -> None:
        """Many clients give empty lists for what they do not want, and many providers refuse them."""
        async with self.bench(self.told(way, answer())) as bench:
            await bench.ask(way, bench.call(PROMPT))
            await bench.ask(way, bench.call(PROMPT, tools=[], tool_choice="auto", stop=[], logit_bias={}, metadata={}))
            plain, sent = (request.json for request in bench.upstream.requests)
        names = [name for name, value in sent.items() if value is None or value in ([], {}) or name in OF_TOOLS]
        assert not names, f"{way}: {', '.join(names)} was sent though nothing of it was asked for: leave it out"
        assert sent == plain, f"{way}: empty fields of a request changed what was sent: they mean the same as none"

    @ONE_LOOP
    async def test_a_plain_request_leaves_no_warning(self, way: str) -> None:
        """Warnings that always come are read by nobody."""
        async with self.bench(self.told(way, answer())) as bench:
            found = await bench.ask(way, bench.call(strict=True))
        assert not found.warnings, f"{way}: a request without options was answered with warnings: {found.warnings}"


def _named(found: Answer, option: str) -> list[str]:
    return [warning for warning in found.warnings if re.search(rf"\b{option}\b", warning)]
