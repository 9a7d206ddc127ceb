"""DeepSeek: thinks unless told not to, limits nothing but concurrency, pads its JSON with blank lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from typing_extensions import override

from shunpike_sandbox.accounts import Account
from shunpike_sandbox.asks import Ask, Turn
from shunpike_sandbox.bodies import fields
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.dialects.rules import COMMON_RULES
from shunpike_sandbox.generation import Choice, Generation
from shunpike_sandbox.limits import Hit
from shunpike_sandbox.messages import Manners
from shunpike_sandbox.money import PICO
from shunpike_sandbox.prompt_cache import cached_prefix
from shunpike_sandbox.refusals import Invalid, Problem, Refused
from shunpike_sandbox.replies import Frame, Plain, dump
from shunpike_sandbox.service import plain_json
from shunpike_sandbox.visits import Visit

RULES = {
    **{name: rule for name, rule in COMMON_RULES.items() if name not in ("n", "max_completion_tokens", "user")},
    "reasoning_effort": "string {minimal,low,medium,high,xhigh,max,ultra}",
    "stop": "string|array <=16",
    "thinking": "object",
    "user_id": "string",
}
_TEXT_ONLY = Manners(vision=False)
_OPAQUE = "application/octet-stream"


class DeepSeek(ChatService):
    """``/deepseek``, also below ``/v1`` and ``/beta``."""

    provider_id = "deepseek"
    rules = fields(RULES)
    call_id = "call_00_{}"
    content_beside_calls = ""
    counts_answer_in_context = True

    @override
    def screen(self, body: Mapping[str, Any]) -> None:
        """Refuse what DeepSeek refuses."""
        super().screen(body)
        form = (body.get("response_format") or {}).get("type")
        if form == "json_schema":
            raise Invalid(Problem("other", "response_format", "This response_format type is unavailable now"))
        if self._thinking(body) and body.get("tool_choice") not in (None, "auto", "none"):
            raise Invalid(Problem("opaque", "tool_choice", "Thinking mode does not support this tool_choice"))

    @override
    def ask(self, body: Mapping[str, Any], model: Model) -> Ask:
        """Read the messages as strictly as this model needs."""
        manners = Manners() if model.can("vision") else _TEXT_ONLY
        if self._thinking(body):
            self._thoughts_returned(body.get("messages"))
        ask = super().ask(body, model)
        if not manners.vision and any(turn.images for turn in ask.turns):
            raise Invalid(Problem("unsupported", "messages", "unknown variant `image_url`, expected `text`"))
        if ask.form == "json" and "json" not in ask.text.lower():
            problem = "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."
            raise Invalid(Problem("other", "messages", problem))
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
                raise Invalid(Problem("opaque", "messages", problem))

    @override
    def cached(self, account: Account, model: Model, ask: Ask, prompt: int) -> int:
        """Return what the disk cache holds of this prompt's beginning."""
        texts = [Turn("tools", ask.tools_text), *ask.turns] if ask.tools_text else list(ask.turns)
        return min(prompt - 1, cached_prefix(account, model.id, texts, block=64, least=64))

    # -- answers ---------------------------------------------------------------------------------

    @override
    def unary(self, visit: Visit, ask: Ask, generation: Generation) -> bytes:
        """Return the answer behind the blank lines that keep the connection alive."""
        return b"\n\n" + dump(self.envelope(visit, ask, generation))

    @override
    def message(self, one: Choice) -> dict[str, Any]:
        """Return the message with its thoughts."""
        message = super().message(one)
        return {**message, "reasoning_content": one.thoughts} if one.thoughts else message

    @override
    def delta(self, kind: str, text: str) -> dict[str, Any]:
        """Return text or thoughts."""
        if kind == "thought":
            return {"content": None, "reasoning_content": text}
        return {"content": text}

    @override
    def answer_id(self, visit: Visit) -> str:
        """Return an id in DeepSeek's form."""
        token = visit.token
        return f"{token[:8]}-{token[8:12]}-{token[12:16]}-{token[16:20]}-{token[20:32]}"

    @override
    def usage(self, visit: Visit, generation: Generation) -> dict[str, Any]:
        """Return the usage with cache hits and misses."""
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
        """Return the fingerprint."""
        return {"system_fingerprint": f"fp_{visit.token[-10:]}"}

    @override
    def opening(self, visit: Visit, ask: Ask, generation: Generation) -> Iterator[Frame]:
        """Return a keep-alive, then the role."""
        yield Frame(b": keep-alive\n\n")
        delta: dict[str, Any] = {"role": "assistant", "content": ""}
        if ask.thinking:
            delta = {"role": "assistant", "content": None, "reasoning_content": ""}
        yield self.piece(visit, ask, 0, delta, 0)

    @override
    def chunk(
        self, visit: Visit, ask: Ask, number: int, delta: Mapping[str, Any], finish: str | None
    ) -> dict[str, Any]:
        """Return a chunk; its usage is null until the last."""
        return {**super().chunk(visit, ask, number, delta, finish), "usage": None}

    @override
    def closing(self, visit: Visit, ask: Ask, generation: Generation, number: int) -> Iterator[Frame]:
        """Return the last chunk, with reason and usage together."""
        delta: dict[str, Any] = {"content": ""}
        if ask.thinking:
            delta["reasoning_content"] = None
        chunk = self.chunk(visit, ask, number, delta, self.finish(generation.choices[number]))
        yield self.event({**chunk, "usage": self.usage(visit, generation)})

    @override
    def ending(self, visit: Visit, ask: Ask, generation: Generation) -> Iterator[Frame]:
        """Nothing follows the usage."""
        return iter(())

    @override
    def headers(self, visit: Visit) -> dict[str, str]:
        """Return the trace id; there are no rate-limit headers."""
        return {"x-ds-trace-id": visit.token[:32]}

    @override
    def inform(self, request: Request) -> Plain:
        """List the models, or tell the balance."""
        account = self.admit_key(self.key(request))
        if request.url.path.endswith("/user/balance"):
            return plain_json(self._balance(account))
        listed = self.provider.listed(self.world.clock.now())
        rows = [{"id": model.id, "object": "model", "owned_by": "deepseek"} for model in listed if not model.routes_to]
        return plain_json({"object": "list", "data": rows})

    @staticmethod
    def _balance(account: Account) -> dict[str, Any]:
        total = f"{max(0, account.balance or 0) / PICO:.2f}"
        info = {"currency": "USD", "total_balance": total, "granted_balance": "0.00", "topped_up_balance": total}
        return {"is_available": (account.balance or 0) > 0, "balance_infos": [info]}

    # -- errors ----------------------------------------------------------------------------------

    @override
    def error(self, status: int, message: str, kind: str | None, code: Any = None, param: Any = None) -> Refused:
        """Return an error; the code is nearly always the same word."""
        return super().error(status, message, kind, code or "invalid_request_error", param)

    @override
    def bad_key(self, key: str | None) -> Refused:
        """Return the error for a missing or wrong key."""
        if key is None:
            return self.error(
                401, "Authentication Fails (auth header format should be Bearer sk-...)", "authentication_error"
            )
        return self.error(401, f"Authentication Fails, Your api key: ****{key[-4:]} is invalid", "authentication_error")

    @override
    def invalid(self, problem: Problem) -> Refused:
        """Word a broken rule as DeepSeek's deserializer does."""
        kind = "invalid_request_error"
        if problem.kind == "opaque":
            refusal = self.error(400, problem.message, kind)
            refusal.content_type = _OPAQUE
            return refusal
        if problem.kind == "other":
            return self.error(400, problem.message, kind)
        if problem.kind == "empty":
            return self.error(400, "Empty input messages", kind)
        what = problem.message
        if problem.kind == "missing":
            what = f"missing field `{problem.param.split('.')[-1]}`"
        elif problem.kind == "type" and problem.expected:
            what = f"{problem.param}: invalid type: {problem.got}, expected {problem.expected}"
        elif problem.kind == "value" and problem.expected:
            what = f"Invalid {problem.param} value, the valid range of {problem.param} is {problem.expected}"
            return self.error(400, what, kind)
        elif problem.kind == "unsupported":
            what = f"{problem.param.split('.')[0]}: {problem.message}"
        message = f"Failed to deserialize the JSON body into the target type: {what} at line 1 column 1"
        return self.error(400, message, kind)

    @override
    def unknown_model(self, name: str) -> Refused:
        """Return the error for a model that is not, or no longer, there."""
        return self.error(400, "Model Not Exist", "invalid_request_error")

    @override
    def overflow(self, prompt: int, wanted: int, model: Model) -> Refused:
        """Return the error for prompt and answer that do not fit together."""
        message = (
            f"This model's maximum context length is {model.context} tokens. However, you requested {prompt + wanted} "
            f"tokens ({prompt} in the messages, {wanted} in the completion). Please reduce the length of the "
            "messages or "
            "completion."
        )
        refusal = self.error(400, message, "invalid_request_error")
        refusal.content_type = _OPAQUE
        return refusal

    @override
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> Refused:
        """Return the 429 for too many requests at once."""
        message = (
            "Rate limit reached: the number of concurrent requests of this account exceeds its limit of "
            f"{hits[0].quota.amount}. Please pace your requests."
        )
        return self.error(429, message, "rate_limit_error", "rate_limit_exceeded")

    @override
    def broke(self, account: Account, model: Model, prompt: int, output: int) -> Refused:
        """Return the error for an account without balance."""
        return self.error(402, "Insufficient Balance", "unknown_error")

    @override
    def overloaded(self, visit: Visit) -> Refused:
        """Return a 503."""
        return self.error(
            503, "Service is too busy. Please try again later.", "service_unavailable_error", "service_unavailable"
        )

    @override
    def internal(self, visit: Visit) -> Refused:
        """Return a 500."""
        return self.error(500, "Internal Server Error", "internal_error", "internal_error")

    @override
    def upstream(self, visit: Visit) -> Refused:
        """Return a 429 that is no fault of the account."""
        refusal = self.error(429, "The server is busy. Please retry later.", "rate_limit_error", "rate_limit_exceeded")
        refusal.overage = False
        return refusal
