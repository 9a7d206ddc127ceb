"""OpenRouter: many providers behind one, cost in every answer, comments in every stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.asks import ParsedRequest
from shunpike_sandbox.bodies import fields
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import openrouter_account, openrouter_routing
from shunpike_sandbox.dialects.openrouter_errors import OpenRouterErrors
from shunpike_sandbox.dialects.rules import COMMON_RULES
from shunpike_sandbox.generation import GeneratedChoice, Generation
from shunpike_sandbox.messages import Manners
from shunpike_sandbox.money import PICO, cost
from shunpike_sandbox.refusals import ErrorReply
from shunpike_sandbox.replies import Frame, PlainReply, dump
from shunpike_sandbox.visits import Visit

RULES = {
    **COMMON_RULES,
    "include_reasoning": "boolean",
    "min_p": "number 0..1",
    "models": "array",
    "plugins": "array",
    "provider": "object",
    "reasoning": "object",
    "reasoning_effort": "string {none,minimal,low,medium,high,xhigh,max}",
    "repetition_penalty": "number 0..2",
    "session_id": "string",
    "stop": "string|array",
    "top_a": "number 0..1",
    "top_k": "integer 0..",
    "transforms": "array",
    "usage": "object",
}
_PROCESSING = Frame(b": OPENROUTER PROCESSING\n\n")
_NATIVE = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}


class OpenRouterService(OpenRouterErrors):
    """``/openrouter/api/v1``. Unknown parameters are dropped, not refused."""

    rules = fields(RULES)
    manners = Manners(pairs=False)

    @override
    def model(self, body: Mapping[str, Any], visit: Visit, kind: str) -> Model:
        """Return the first usable model of ``model`` and its fallbacks in ``models``."""
        if kind == "embedding":
            return self._embedder(body, visit)
        names = [name for name in (body.get("model"), *(body.get("models") or ())) if isinstance(name, str)]
        if not names:
            return super().model(body, visit, kind)
        for name in names[:-1]:
            try:
                return super().model({**body, "model": name}, visit, kind)
            except ErrorReply:
                continue
        return super().model({**body, "model": names[-1]}, visit, kind)

    def _embedder(self, body: Mapping[str, Any], visit: Visit) -> Model:
        name = body.get("model")
        known = self.provider.models.get(name) if isinstance(name, str) else None
        if isinstance(name, str) and (known is None or known.kind != "embedding"):
            raise self.refusal(400, f"Model {name} does not exist")
        return super().model(body, visit, "embedding")

    @override
    def embedded(self, visit: Visit, rows: list[dict[str, Any]], total: int) -> dict[str, Any]:
        """Return the vectors with what they cost, under the name that the provider behind gives its model."""
        price = visit.price() / PICO
        details = {
            "upstream_inference_cost": price,
            "upstream_inference_prompt_cost": price,
            "upstream_inference_completions_cost": 0,
        }
        usage = {"prompt_tokens": total, "total_tokens": total}
        return {
            "object": "list",
            "data": rows,
            "model": self.model_name(visit).split("/")[-1],
            "usage": {**usage, "cost": price, "is_byok": False, "cost_details": details},
            "provider": "Sandbox",
            "id": f"gen-emb-{visit.created}-{visit.token[:20]}",
        }

    @override
    def ask(self, body: Mapping[str, Any], model: Model) -> ParsedRequest:
        """Look for an endpoint that can do it; what the model lacks and nobody insists on is dropped."""
        missing = openrouter_routing.missing(body, model, self.provider.rates(model, self.world.clock.now(), 0))
        if missing is not None:
            raise self.refusal(404, missing)
        ask = super().ask(openrouter_routing.kept(body, model), model)
        if any(turn.images for turn in ask.turns) and not model.can("vision"):
            raise self.refusal(404, openrouter_routing.NO_IMAGES)
        return ask

    @override
    def thinks(self, body: Mapping[str, Any], model: Model) -> bool:
        """Think when asked to."""
        effort = (body.get("reasoning") or {}).get("effort", body.get("reasoning_effort"))
        enabled = (body.get("reasoning") or {}).get("enabled", bool(body.get("reasoning")) or effort is not None)
        return model.can("reasoning") and bool(enabled) and effort != "none"

    @override
    def afford(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> None:
        """Refuse what the credits cannot pay at worst; a ``:free`` model needs none."""
        rates = self.provider.rates(model, self.world.clock.now(), prompt)
        if cost(rates, prompt, output) > (account.funds or 0):
            raise self.broke(account, model, prompt, output)

    # -- answers ---------------------------------------------------------------------------------

    @override
    def envelope(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> dict[str, Any]:
        """Remember the answer for ``/generation``, then return it."""
        openrouter_account.remember(visit, self.answer_id(visit))
        return super().envelope(visit, ask, generation)

    @override
    def unary(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> bytes:
        """Return the answer behind the blank lines that keep the connection alive."""
        return b"\n         \n" + dump(self.envelope(visit, ask, generation))

    @override
    def answer_id(self, visit: Visit) -> str:
        return f"gen-{visit.created}-{visit.token[:20]}"

    @override
    def message(self, one: GeneratedChoice) -> dict[str, Any]:
        thoughts = one.thoughts or None
        details = [self._detail(one.thoughts)] if one.thoughts else []
        message = {**super().message(one), "refusal": None, "reasoning": thoughts}
        return {**message, "reasoning_details": details} if details else message

    @override
    def choice(self, number: int, one: GeneratedChoice) -> dict[str, Any]:
        return {**super().choice(number, one), "native_finish_reason": _NATIVE[one.finish]}

    @override
    def usage(self, visit: Visit, generation: Generation) -> dict[str, Any]:
        price = visit.price() / PICO
        details = {
            "cached_tokens": generation.cached_tokens,
            "cache_write_tokens": 0,
            "audio_tokens": 0,
            "video_tokens": 0,
        }
        return {
            **super().usage(visit, generation),
            "cost": price,
            "is_byok": False,
            "prompt_tokens_details": details,
            "cost_details": {
                "upstream_inference_cost": None,
                "upstream_inference_prompt_cost": price,
                "upstream_inference_completions_cost": 0,
            },
            "completion_tokens_details": {"reasoning_tokens": generation.thought_tokens, "image_tokens": 0},
        }

    @override
    def extras(self, visit: Visit) -> dict[str, Any]:
        """Return the provider that is said to have answered."""
        return {"provider": "Sandbox", "system_fingerprint": None}

    @override
    def opening(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Return comments, then an empty delta."""
        openrouter_account.remember(visit, self.answer_id(visit))
        yield _PROCESSING
        yield _PROCESSING
        yield self.piece(visit, ask, 0, {"content": ""}, 0)

    @override
    def chunk(
        self, visit: Visit, ask: ParsedRequest, number: int, delta: Mapping[str, Any], finish: str | None
    ) -> dict[str, Any]:
        """Return a chunk that repeats the role and gives the native reason."""
        chunk = super().chunk(visit, ask, number, {"role": "assistant", "content": "", **delta}, finish)
        chunk["choices"][0]["native_finish_reason"] = None if finish is None else _NATIVE[finish]
        return chunk

    @override
    def delta(self, kind: str, text: str) -> dict[str, Any]:
        if kind == "thought":
            return {"reasoning": text, "reasoning_details": [self._detail(text)]}
        return {"content": text}

    @override
    def ending(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Return the usage on a chunk that has choices, and says the reason again."""
        last = len(generation.choices) - 1
        chunk = self.chunk(visit, ask, last, {}, self.finish(generation.choices[last]))
        yield self.event({**chunk, "usage": self.usage(visit, generation)})

    @override
    def headers(self, visit: Visit) -> dict[str, str]:
        """Return the id; limits are told only in a 429."""
        return {"x-generation-id": self.answer_id(visit)}

    @override
    def inform(self, request: Request) -> PlainReply:
        return openrouter_account.inform(self, request)

    @staticmethod
    def _detail(text: str) -> dict[str, Any]:
        return {"type": "reasoning.text", "text": text, "index": 0, "format": None}

    @override
    def error_frames(self, visit: Visit) -> Iterable[Frame]:
        """Return an error inside a stream, which still ends properly."""
        chunk = self.chunk(visit, ParsedRequest(turns=()), 0, {}, None)
        chunk["choices"][0]["finish_reason"] = "error"
        error = {"code": 502, "message": "Provider returned error", "metadata": {"error_type": "provider_unavailable"}}
        return [_PROCESSING, self.event({**chunk, "error": error}), Frame(b"data: [DONE]\n\n")]
