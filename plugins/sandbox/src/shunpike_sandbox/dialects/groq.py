"""Groq: requests per day and tokens per minute in headers, whole tool calls, usage under ``x_groq``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.asks import ParsedRequest
from shunpike_sandbox.bodies import fields
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import groq_strict
from shunpike_sandbox.dialects.durations import limit_headers
from shunpike_sandbox.dialects.groq_errors import GroqErrors
from shunpike_sandbox.dialects.rules import COMMON_RULES
from shunpike_sandbox.generation import GeneratedChoice, Generation
from shunpike_sandbox.offers import asks_for_json
from shunpike_sandbox.prompt_cache import CacheRule
from shunpike_sandbox.refusals import Problem
from shunpike_sandbox.replies import Frame
from shunpike_sandbox.visits import Visit

RULES = {
    **COMMON_RULES,
    "citation_options": "string",
    "compound_custom": "object",
    "disable_tool_validation": "boolean",
    "documents": "array",
    "exclude_domains": "array",
    "function_call": "string|object",
    "functions": "array",
    "include_domains": "array",
    "include_reasoning": "boolean",
    "metadata": "object",
    "reasoning_effort": "string {none,default,low,medium,high}",
    "reasoning_format": "string {hidden,raw,parsed}",
    "search_settings": "object",
    "service_tier": "string {auto,on_demand,flex,performance}",
    "store": "boolean",
}


_CACHE = CacheRule(block=128, least=128, seconds=7_200.0)


class GroqService(GroqErrors):
    """``/groq/openai/v1``."""

    bills_in_full = True
    counts_cached = False
    rules = fields(RULES)
    manners = groq_strict.MANNERS
    refuses_unknown = True
    splits_calls = False
    call_id = "fc_{}"

    @override
    def screen(self, body: Mapping[str, Any]) -> None:
        """Refuse what Groq refuses outright."""
        groq_strict.forbidden(body)
        super().screen(body)
        groq_strict.beside_each_other(body)

    @override
    def ask(self, body: Mapping[str, Any], model: Model) -> ParsedRequest:
        """Refuse combinations that Groq does not offer, then read on."""
        groq_strict.capabilities(body, model)
        ask = super().ask(body, model)
        groq_strict.schemas(body)
        number = next((number for number, turn in enumerate(ask.turns) if turn.images), None)
        if number is not None and not model.can("vision"):
            raise Problem("other", "messages", f"messages[{number}].content must be a string")
        asks_for_json(body, ask)
        return ask

    @override
    def thinks(self, body: Mapping[str, Any], model: Model) -> bool:
        """Reasoning models think unless told not to."""
        return model.can("reasoning") and body.get("reasoning_effort") != "none"

    @override
    def cached(self, account: SimulatedAccount, model: Model, ask: ParsedRequest, prompt: int) -> int:
        """Return what is cached of this prompt's beginning, of the models that have a price for it."""
        if all(price.rates.cached == price.rates.prompt for price in model.prices):
            return 0
        return min(prompt - 1, account.prompts.hit(model.id, ask, _CACHE, self.world.clock.now()))

    # -- answers ---------------------------------------------------------------------------------

    @override
    def message(self, one: GeneratedChoice) -> dict[str, Any]:
        """Leave ``content`` out beside calls, and show the thoughts."""
        message = super().message(one)
        if one.calls:
            del message["content"]
        return {**message, "reasoning": one.thoughts} if one.thoughts else message

    @override
    def delta(self, kind: str, text: str) -> dict[str, Any]:
        return {"reasoning": text, "channel": "analysis"} if kind == "thought" else {"content": text}

    @override
    def usage(self, visit: Visit, generation: Generation) -> dict[str, Any]:
        prompt, made = generation.prompt_tokens, generation.completion_tokens
        usage: dict[str, Any] = {
            "queue_time": 0.01,
            "prompt_tokens": prompt,
            "prompt_time": round(prompt / 20_000, 9),
            "completion_tokens": made,
            "completion_time": round(made / 500, 9),
            "total_tokens": prompt + made,
            "total_time": round(prompt / 20_000 + made / 500, 9),
        }
        if generation.cached_tokens:
            usage["prompt_tokens_details"] = {"cached_tokens": generation.cached_tokens}
        if generation.thought_tokens:
            usage["completion_tokens_details"] = {"reasoning_tokens": generation.thought_tokens}
        return usage

    @override
    def envelope(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> dict[str, Any]:
        answer = super().envelope(visit, ask, generation)
        return {**answer, "x_groq": {"id": self._request_id(visit)}, "service_tier": "on_demand"}

    @override
    def extras(self, visit: Visit) -> dict[str, Any]:
        return {"system_fingerprint": f"fp_{visit.token[-10:]}"}

    @override
    def opening(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Return the first chunk, which carries Groq's id."""
        content = None if generation.choices[0].calls else ""
        chunk = self.chunk(visit, ask, 0, {"role": "assistant", "content": content}, None)
        yield self.event({**chunk, "x_groq": {"id": self._request_id(visit), "seed": visit.number}})

    @override
    def closing(self, visit: Visit, ask: ParsedRequest, generation: Generation, number: int) -> Iterator[Frame]:
        """Return the last chunk, which carries the usage twice."""
        usage = self.usage(visit, generation)
        chunk = self.chunk(visit, ask, number, {}, self.finish(generation.choices[number]))
        yield self.event({**chunk, "x_groq": {"id": self._request_id(visit), "usage": usage}, "usage": usage})

    @override
    def headers(self, visit: Visit) -> dict[str, str]:
        """Return the day's requests and the minute's tokens: the other two windows are not told."""
        limits = self.limits_now(visit)
        headers = {"x-request-id": self._request_id(visit), "x-groq-region": "sandbox"}
        for rule, name in (("rpd", "requests"), ("tpm", "tokens")):
            if found := limits.get(rule):
                headers |= limit_headers(name, found, found.full_in)
        return headers

    @override
    def row(self, model: Model) -> dict[str, Any]:
        return {
            "id": model.id,
            "object": "model",
            "created": 1735689600,
            "owned_by": model.id.split("/")[0],
            "active": True,
            "context_window": model.context,
            "public_apps": None,
            "max_completion_tokens": model.max_output,
        }

    @staticmethod
    def _request_id(visit: Visit) -> str:
        return f"req_{visit.token[:26]}"
