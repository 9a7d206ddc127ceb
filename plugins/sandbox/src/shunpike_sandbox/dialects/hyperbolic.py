"""Hyperbolic: few parameters, ``message`` where others stream ``delta``, usage in every chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import override

from shunpike_sandbox import faults
from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.asks import ParsedRequest
from shunpike_sandbox.bodies import fields
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects.chat import ChatService
from shunpike_sandbox.generation import Generation
from shunpike_sandbox.limits import Hit
from shunpike_sandbox.messages import Manners
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.replies import Frame
from shunpike_sandbox.service import strictest
from shunpike_sandbox.visits import Visit

RULES = {
    "model": "string",
    "messages": "array",
    "max_tokens": "integer 1..",
    "temperature": "number 0..2",
    "top_p": "number 0..1",
    "top_k": "integer",
    "min_p": "number",
    "repetition_penalty": "number",
    "presence_penalty": "number -2..2",
    "frequency_penalty": "number -2..2",
    "n": "integer 1..8",
    "seed": "integer",
    "stop": "string|array",
    "stream": "boolean",
    "stream_options": "object",
    "user": "string",
}


class HyperbolicService(ChatService):
    """``/hyperbolic/v1``. Tools and response formats are not offered, and silently do nothing."""

    provider_id = "hyperbolic"
    rules = fields(RULES)
    manners = Manners(vision=False, pairs=False)
    # Nobody ever saw it fail inside a stream other than by breaking off.
    unspoken = frozenset({faults.STREAM_ERROR})

    @override
    def ask(self, body: Mapping[str, Any], model: Model) -> ParsedRequest:
        """Leave out what this provider ignores."""
        ignored = ("tools", "tool_choice", "response_format", "max_completion_tokens")
        return super().ask({name: value for name, value in body.items() if name not in ignored}, model)

    # -- answers ---------------------------------------------------------------------------------

    @override
    def frames(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Return the stream, with the running usage in every chunk."""
        prompt, made = generation.prompt_tokens, 0
        for number, one in enumerate(generation.choices):
            yield self._running(visit, ask, number, "", None, (prompt, made, 0))
            for _, text, size in self.chunks(one, self.world.pace.chunk_tokens):
                made += size
                yield self._running(visit, ask, number, text, None, (prompt, made, size))
            yield self._running(visit, ask, number, "", self.finish(one), (prompt, made, 0))
        yield Frame(b"data: [DONE]\n\n")

    def _running(
        self, visit: Visit, ask: ParsedRequest, number: int, text: str, finish: str | None, sizes: tuple[int, int, int]
    ) -> Frame:
        prompt, made, size = sizes
        chunk = self.chunk(visit, ask, number, {}, finish)
        message = {"role": "assistant", "content": text}
        choice = {"index": number, "message": message, "logprobs": None, "finish_reason": finish}
        usage = {"prompt_tokens": prompt, "total_tokens": prompt + made, "completion_tokens": made}
        return self.event({**chunk, "choices": [choice], "usage": usage}, size)

    @override
    def row(self, model: Model) -> dict[str, Any]:
        return {"id": model.id, "object": "model", "created": 1735689600, "owned_by": "HyperbolicService"}

    # -- errors ----------------------------------------------------------------------------------

    def flat(self, status: int, message: str, code: int) -> ErrorReply:
        """Return the flat error, which has no ``error`` object."""
        body = {"object": "error", "message": message, "type": "", "param": None, "code": code}
        return ErrorReply(status, body)

    @override
    def bad_key(self, key: str | None) -> ErrorReply:
        return ErrorReply(401, {"detail": "Could not validate credentials" if key else "Not authenticated"})

    @override
    def too_large(self) -> ErrorReply:
        return ErrorReply(413, {"detail": "Request body too large"})

    @override
    def invalid(self, problem: Problem) -> ErrorReply:
        """Return the list of complaints that FastAPI makes."""
        kind = {"missing": "missing", "type": f"{problem.expected.split(' ')[0]}_type", "json": "json_invalid"}
        detail = {
            "type": kind.get(problem.kind, "value_error"),
            "loc": ["body", *(part for part in problem.param.replace("]", "").replace("[", ".").split(".") if part)],
            "msg": "Field required" if problem.kind == "missing" else problem.message,
            "input": problem.got or None,
        }
        return ErrorReply(422, {"detail": [detail]})

    @override
    def unknown_model(self, name: str) -> ErrorReply:
        """Return the error for a model that is not offered: a list of all that are."""
        allowed = " && ".join(model.id for model in self.listed())
        return self.flat(400, f"Only {allowed} allowed now, your model {name}", 40301)

    @override
    def overflow(self, prompt: int, wanted: int, model: Model) -> ErrorReply:
        message = (
            f"This model's maximum context length is {model.context} tokens. However, you requested {prompt + wanted} "
            f"tokens ({prompt} in the messages, {wanted} in the completion). Please reduce the length of the messages "
            "or completion."
        )
        return self.flat(400, message, 40303)

    @override
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> ErrorReply:
        """Return the 429, without any header."""
        return self.flat(429, f"Rate limit exceeded: {strictest(hits).quota.amount} per 1 minute", 42901)

    @override
    def broke(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> ErrorReply:
        return self.flat(402, "Insufficient balance. Please add funds to your account.", 40201)

    @override
    def overloaded(self, visit: Visit) -> ErrorReply:
        return self.flat(503, "Service temporarily unavailable", 50301)

    @override
    def internal(self, visit: Visit) -> ErrorReply:
        return ErrorReply(500, {"detail": "Internal Server Error"})

    @override
    def error_frames(self, visit: Visit) -> Iterable[Frame]:
        return [self.event(self.overloaded(visit).body)]

    @override
    def upstream(self, visit: Visit) -> ErrorReply:
        return self.flat(429, "Model is at capacity, please try again later", 42903)
