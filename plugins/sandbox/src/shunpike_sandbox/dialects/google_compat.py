"""Gemini behind OpenAI's shape: the same accounts, limits and books, Google's own errors in a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import override

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.asks import ParsedRequest, SimulatedCall
from shunpike_sandbox.bodies import fields
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import google_turns
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.dialects.google import GoogleService
from shunpike_sandbox.dialects.rules import COMMON_RULES
from shunpike_sandbox.generation import GeneratedChoice, Generation
from shunpike_sandbox.limits import Hit
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.replies import Frame
from shunpike_sandbox.visits import Visit
from shunpike_sandbox.world import SimulatedWorld

RULES = {
    **{name: rule for name, rule in COMMON_RULES.items() if name not in ("logit_bias", "user")},
    "extra_body": "object",
    "reasoning_effort": "string {none,minimal,low,medium,high}",
    "service_tier": "string",
}


class GoogleCompatService(ChatService):
    """``/google/v1beta/openai``. Calls come whole and without an index; thoughts are in the total alone."""

    provider_id = "google"
    name_prefix = "models/"
    rules = fields(RULES)
    refuses_unknown = True
    bills_in_full = True
    splits_calls = False
    call_id = "function-call-{}"

    def __init__(self, world: SimulatedWorld) -> None:
        super().__init__(world)
        self._native = GoogleService(world)

    @override
    def thinks(self, body: Mapping[str, Any], model: Model) -> bool:
        """Reasoning models think unless told not to."""
        return model.can("reasoning") and body.get("reasoning_effort") != "none"

    # -- answers ---------------------------------------------------------------------------------

    @override
    def choice(self, number: int, one: GeneratedChoice) -> dict[str, Any]:
        """Return one choice of a whole answer, without log probabilities."""
        return {"finish_reason": self.finish(one), "index": number, "message": self.message(one)}

    @override
    def message(self, one: GeneratedChoice) -> dict[str, Any]:
        """Leave ``content`` out beside calls."""
        message = super().message(one)
        return {name: value for name, value in message.items() if name != "content" or not one.calls}

    @override
    def call(self, call: SimulatedCall) -> dict[str, Any]:
        """Return a call with its signature where only Google would look for it."""
        return {**super().call(call), "extra_content": {"google": {"thought_signature": google_turns.sign(call.id)}}}

    @override
    def call_deltas(self, position: int, call: SimulatedCall) -> Iterator[tuple[dict[str, Any], int]]:
        """Return a call whole and without an index."""
        for delta, made in super().call_deltas(position, call):
            calls = [{name: part for name, part in one.items() if name != "index"} for one in delta["tool_calls"]]
            yield {"role": "assistant", "tool_calls": calls}, made

    @override
    def answer_id(self, visit: Visit) -> str:
        """Return the id that the native answer would have."""
        return visit.token[:22]

    @override
    def usage(self, visit: Visit, generation: Generation) -> dict[str, Any]:
        """Return the usage: what was thought is part of the total, and of nothing else."""
        prompt, made = generation.prompt_tokens, generation.completion_tokens
        said = made - generation.thought_tokens
        return {"completion_tokens": said, "prompt_tokens": prompt, "total_tokens": prompt + made}

    @staticmethod
    @override
    def chunks(choice: GeneratedChoice, size: int) -> list[tuple[str, str, int]]:
        """Return the text only; the thoughts were made before its first piece."""
        hidden, found = choice.thought_tokens, []
        for kind, text, made in ChatService.chunks(choice, size):
            if kind == "text":
                found.append((kind, text, made + hidden))
                hidden = 0
        return found

    @override
    def delta(self, kind: str, text: str) -> dict[str, Any]:
        return {"content": text, "role": "assistant"}

    @override
    def opening(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Nothing comes before the content."""
        return iter(())

    @override
    def chunk(
        self, visit: Visit, ask: ParsedRequest, number: int, delta: Mapping[str, Any], finish: str | None
    ) -> dict[str, Any]:
        """Return a chunk, which names a reason only where there is one."""
        chunk = super().chunk(visit, ask, number, delta, finish)
        ended = {} if finish is None else {"finish_reason": finish}
        return {**chunk, "choices": [{"delta": delta, "index": number, **ended}]}

    # -- errors ----------------------------------------------------------------------------------

    @staticmethod
    def _listed(refusal: ErrorReply) -> ErrorReply:
        refusal.body = [refusal.body]
        return refusal

    @override
    def error(self, status: int, message: str, kind: str | None, code: Any = None, param: Any = None) -> ErrorReply:
        """Return an error in Google's shape; ``kind`` is Google's word for the status."""
        return self._listed(self._native.error(status, message, kind or "INVALID_ARGUMENT"))

    @override
    def bad_key(self, key: str | None) -> ErrorReply:
        return self._listed(self._native.bad_key(key))

    @override
    def too_large(self) -> ErrorReply:
        return self._listed(self._native.too_large())

    @override
    def invalid(self, problem: Problem) -> ErrorReply:
        if problem.kind == "unknown":
            what = f'Invalid JSON payload received. Unknown name "{problem.param}": Cannot find field.'
            return self.error(400, what, "INVALID_ARGUMENT")
        return self.error(400, problem.message, "INVALID_ARGUMENT")

    @override
    def unknown_model(self, name: str) -> ErrorReply:
        message = f"models/{name} is not found for API version v1main, or is not supported for generateContent."
        return self.error(404, message, "NOT_FOUND")

    @override
    def overflow(self, prompt: int, wanted: int, model: Model) -> ErrorReply:
        return self._listed(self._native.overflow(prompt, wanted, model))

    @override
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> ErrorReply:
        return self._listed(self._native.limited(visit, model, hits))

    @override
    def broke(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> ErrorReply:
        return self._listed(self._native.broke(account, model, prompt, output))

    @override
    def overloaded(self, visit: Visit) -> ErrorReply:
        return self._listed(self._native.overloaded(visit))

    @override
    def internal(self, visit: Visit) -> ErrorReply:
        return self._listed(self._native.internal(visit))

    @override
    def upstream(self, visit: Visit) -> ErrorReply:
        """Return the bare 429 of a model without capacity."""
        return self._listed(self._native.upstream(visit))
