"""DeepSeek: thinks unless told not to, limits nothing but concurrency, pads its JSON with blank lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.asks import ParsedRequest
from shunpike_sandbox.bodies import fields
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.deepseek_errors import DeepSeekErrors
from shunpike_sandbox.dialects.rules import COMMON_RULES
from shunpike_sandbox.generation import GeneratedChoice, Generation
from shunpike_sandbox.messages import Manners
from shunpike_sandbox.money import PICO
from shunpike_sandbox.prompt_cache import CacheRule
from shunpike_sandbox.refusals import Problem
from shunpike_sandbox.replies import Frame, PlainReply, dump
from shunpike_sandbox.service import plain_json
from shunpike_sandbox.visits import Visit

RULES = {
    **{name: rule for name, rule in COMMON_RULES.items() if name not in ("n", "max_completion_tokens", "user")},
    "max_tokens": "integer 1..393216",
    "reasoning_effort": "string {minimal,low,medium,high,xhigh,max,ultra}",
    "stop": "string|array <=16",
    "thinking": "object",
    "user_id": "string",
}
_ROLES = ("system", "user", "assistant", "tool")
_CACHE = CacheRule(block=64, least=64, seconds=86_400.0)
_BESIDE_THOUGHTS = ("logprobs", "top_logprobs")


class DeepSeekService(DeepSeekErrors):
    """``/deepseek``, also below ``/v1`` and ``/beta``."""

    rules = fields(RULES)
    manners = Manners(roles=_ROLES, refuses_no_tools=True)
    call_id = "call_00_{}"
    content_beside_calls = ""
    counts_answer_in_context = True

    @override
    def screen(self, body: Mapping[str, Any]) -> None:
        super().screen(body)
        form = (body.get("response_format") or {}).get("type")
        if form == "json_schema":
            raise Problem("other", "response_format", "This response_format type is unavailable now")
        mode = (body.get("thinking") or {}).get("type", "enabled")
        if mode not in ("enabled", "disabled"):
            raise Problem("value", "thinking.type", "", "`enabled` or `disabled`", f"'{mode}'")
        if body.get("stream_options") is not None and not body.get("stream"):
            raise Problem("other", "", "stream_options should be set along with stream = true")
        if self._thinking(body):
            self._beside_thoughts(body)

    @staticmethod
    def _beside_thoughts(body: Mapping[str, Any]) -> None:
        if body.get("tool_choice") not in (None, "auto", "none"):
            raise Problem("opaque", "tool_choice", "Thinking mode does not support this tool_choice")
        name = next((name for name in _BESIDE_THOUGHTS if body.get(name)), None)
        if name is not None:
            raise Problem("opaque", name, f"Thinking mode does not support {name}")

    @override
    def ask(self, body: Mapping[str, Any], model: Model) -> ParsedRequest:
        """Read the messages as strictly as this model needs."""
        if self._thinking(body):
            self._thoughts_returned(body.get("messages"))
        most = body.get("max_tokens") or 1
        if most > model.max_output:
            raise Problem("range", "max_tokens", "", "", str(most), 1, model.max_output, "integer")
        ask = super().ask(body, model)
        number = next((number for number, turn in enumerate(ask.turns) if turn.images), None)
        if number is not None and not model.can("vision"):
            raise Problem("unsupported", f"messages[{number}]", "unknown variant `image_url`, expected `text`")
        if ask.form == "json" and "json" not in ask.text.lower():
            problem = "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."
            raise Problem("other", "messages", problem)
        # The parameter that caps the answer has one name only here.
        return replace(ask, max_tokens=body.get("max_tokens"), n=1)

    @override
    def thinks(self, body: Mapping[str, Any], model: Model) -> bool:
        """Thinking is on unless it is switched off."""
        return model.can("reasoning") and self._thinking(body)

    @staticmethod
    def _thinking(body: Mapping[str, Any]) -> bool:
        return bool((body.get("thinking") or {}).get("type", "enabled") != "disabled")

    @staticmethod
    def _thoughts_returned(messages: Any) -> None:
        """Thoughts that led to a tool call must come back with it."""
        for message in messages if isinstance(messages, list) else ():
            if isinstance(message, Mapping) and message.get("tool_calls") and "reasoning_content" not in message:
                problem = "The reasoning_content in the thinking mode must be passed back to the API."
                raise Problem("opaque", "messages", problem)

    @override
    def cached(self, account: SimulatedAccount, model: Model, ask: ParsedRequest, prompt: int) -> int:
        """Return what the disk cache holds of this prompt's beginning."""
        return min(prompt - 1, account.prompts.hit(model.id, ask, _CACHE, self.world.clock.now()))

    # -- answers ---------------------------------------------------------------------------------

    @override
    def unary(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> bytes:
        """Return the answer behind the blank lines that keep the connection alive."""
        return b"\n\n" + dump(self.envelope(visit, ask, generation))

    @override
    def message(self, one: GeneratedChoice) -> dict[str, Any]:
        message = super().message(one)
        return {**message, "reasoning_content": one.thoughts} if one.thoughts else message

    @override
    def delta(self, kind: str, text: str) -> dict[str, Any]:
        if kind == "thought":
            return {"content": None, "reasoning_content": text}
        return {"content": text}

    @override
    def answer_id(self, visit: Visit) -> str:
        token = visit.token
        return f"{token[:8]}-{token[8:12]}-{token[12:16]}-{token[16:20]}-{token[20:32]}"

    @override
    def usage(self, visit: Visit, generation: Generation) -> dict[str, Any]:
        hits = generation.cached_tokens
        usage = {
            **super().usage(visit, generation),
            "prompt_tokens_details": {"cached_tokens": hits},
            "prompt_cache_hit_tokens": hits,
            "prompt_cache_miss_tokens": generation.prompt_tokens - hits,
        }
        if generation.thought_tokens:
            usage["completion_tokens_details"] = {"reasoning_tokens": generation.thought_tokens}
        return usage

    @override
    def extras(self, visit: Visit) -> dict[str, Any]:
        return {"system_fingerprint": f"fp_{visit.token[-10:]}"}

    @override
    def opening(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Return a keep-alive, then the role."""
        yield Frame(b": keep-alive\n\n")
        delta: dict[str, Any] = {"role": "assistant", "content": ""}
        if ask.thinking:
            delta = {"role": "assistant", "content": None, "reasoning_content": ""}
        yield self.piece(visit, ask, 0, delta, 0)

    @override
    def chunk(
        self, visit: Visit, ask: ParsedRequest, number: int, delta: Mapping[str, Any], finish: str | None
    ) -> dict[str, Any]:
        """Return a chunk; its usage is null until the last."""
        return {**super().chunk(visit, ask, number, delta, finish), "usage": None}

    @override
    def closing(self, visit: Visit, ask: ParsedRequest, generation: Generation, number: int) -> Iterator[Frame]:
        """Return the last chunk, with reason and usage together."""
        delta: dict[str, Any] = {"content": ""}
        if ask.thinking:
            delta["reasoning_content"] = None
        chunk = self.chunk(visit, ask, number, delta, self.finish(generation.choices[number]))
        yield self.event({**chunk, "usage": self.usage(visit, generation)})

    @override
    def ending(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Nothing follows the usage."""
        return iter(())

    @override
    def headers(self, visit: Visit) -> dict[str, str]:
        """Return the trace id; there are no rate-limit headers."""
        return {"x-ds-trace-id": visit.token[:32]}

    @override
    def inform(self, request: Request) -> PlainReply:
        account = self.admit_key(self.key(request))
        if request.url.path.endswith("/user/balance"):
            return plain_json(self._balance(account))
        return super().inform(request)

    @override
    def listed(self) -> list[Model]:
        return [model for model in super().listed() if not model.routes_to]

    @staticmethod
    def _balance(account: SimulatedAccount) -> dict[str, Any]:
        total = f"{max(0, account.balance or 0) / PICO:.2f}"
        info = {"currency": "USD", "total_balance": total, "granted_balance": "0.00", "topped_up_balance": total}
        return {"is_available": (account.balance or 0) > 0, "balance_infos": [info]}
