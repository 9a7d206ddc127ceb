"""The OpenAI shape: what six of the seven share on the wire, with hooks for what they do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from typing_extensions import override

from shunpike_sandbox.asks import ParsedRequest, SimulatedCall
from shunpike_sandbox.bodies import Field, check, fields, parse
from shunpike_sandbox.catalog import Model, retired
from shunpike_sandbox.dialects.embeddings import EmbeddingService
from shunpike_sandbox.dialects.rules import COMMON_RULES
from shunpike_sandbox.generation import GeneratedChoice, Generation
from shunpike_sandbox.messages import Manners, turns
from shunpike_sandbox.offers import choice, response_format, tools, tools_text
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.replies import Frame, PlainReply, dump
from shunpike_sandbox.service import Reply, bearer, plain_json
from shunpike_sandbox.tokens import count, pieces
from shunpike_sandbox.visits import Visit


class ChatService(EmbeddingService):
    """A provider that speaks like OpenAI."""

    rules: Mapping[str, Field] = fields(COMMON_RULES)
    manners = Manners()
    splits_calls = True
    content_beside_calls: Any = None
    name_prefix = ""
    """What a model's name may begin with in a request, and does in a list."""

    @override
    def key(self, request: Request) -> str | None:
        return bearer(request)

    @override
    def operate(self, operation: str, visit: Visit, request: Request, raw: bytes) -> Reply:
        try:
            body = parse(raw)
            if operation == "embeddings":
                return self.embed(visit, body)
            self.screen(body)
            model = self.model(body, visit, "chat")
            return self.answer(visit, self.ask(body, model), model)
        except Problem as problem:
            raise self.invalid(problem) from None

    def screen(self, body: Mapping[str, Any]) -> None:
        """Check the parameters, before anything is made of them."""
        check(body, self.rules, unknown=self.refuses_unknown)
        stops = body.get("stop")
        if isinstance(stops, list) and not all(isinstance(stop, str) for stop in stops):
            raise Problem("type", "stop", "expected strings", "an array of strings", "array")

    @override
    def model(self, body: Mapping[str, Any], visit: Visit, kind: str) -> Model:
        name = body.get("model")
        if not isinstance(name, str) or not name:
            raise Problem("missing", "model", "you must provide a model parameter")
        name = name.removeprefix(self.name_prefix)
        visit.asked_model = name[:200]
        model = self.provider.models.get(name)
        if model is None or model.kind != kind:
            raise self.unknown_model(name)
        if retired(model, visit.at):
            raise self.retired_model(model)
        return model

    def ask(self, body: Mapping[str, Any], model: Model) -> ParsedRequest:
        """Make the ask of a body whose parameters are known to be well typed."""
        offered = tools(body.get("tools"), self.manners)
        mode, allowed = choice(body.get("tool_choice"), offered)
        form, schema = response_format(body.get("response_format"))
        options = body.get("stream_options") or {}
        return ParsedRequest(
            turns=turns(body.get("messages"), self.manners),
            tools=offered,
            choice=mode,
            allowed=allowed,
            parallel=body.get("parallel_tool_calls") is not False,
            form=form,
            schema=schema,
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
            stop=self.stops(body),
            n=body.get("n") or 1,
            stream=bool(body.get("stream")),
            include_usage=bool(options.get("include_usage")),
            thinking=self.thinks(body, model),
            tools_text=tools_text(body.get("tools")),
        )

    def stops(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the stop sequences."""
        stop = body.get("stop")
        return (stop,) if isinstance(stop, str) else tuple(stop or ())

    def thinks(self, body: Mapping[str, Any], model: Model) -> bool:  # noqa: ARG002
        """Tell whether the model shows or spends thoughts on this request."""
        return False

    @override
    def inform(self, request: Request) -> PlainReply:
        """List the models, or describe one."""
        self.admit_key(self.key(request))
        rows = {model.id: self.row(model) for model in self.listed()}
        name = request.path_params.get("model")
        if name is None:
            return plain_json({"object": "list", "data": list(rows.values())})
        name = name.removeprefix(self.name_prefix)
        if name not in rows:
            raise self.unlisted(name)
        return plain_json(rows[name])

    def row(self, model: Model) -> dict[str, Any]:
        """Return what a list says of a model."""
        return {"id": self.name_prefix + model.id, "object": "model", "owned_by": self.provider_id}

    def unlisted(self, name: str) -> ErrorReply:
        """Return the error for a model that is to be described, and is not offered."""
        return self.unknown_model(name)

    # -- answers ---------------------------------------------------------------------------------

    @override
    def unary(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> bytes:
        return dump(self.envelope(visit, ask, generation))

    def envelope(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> dict[str, Any]:  # noqa: ARG002
        """Return the whole answer as data."""
        return {
            "id": self.answer_id(visit),
            "object": "chat.completion",
            "created": visit.created,
            "model": self.model_name(visit),
            "choices": [self.choice(number, one) for number, one in enumerate(generation.choices)],
            "usage": self.usage(visit, generation),
            **self.extras(visit),
        }

    def choice(self, number: int, one: GeneratedChoice) -> dict[str, Any]:
        """Return one choice of a whole answer."""
        return {"index": number, "message": self.message(one), "logprobs": None, "finish_reason": self.finish(one)}

    def message(self, one: GeneratedChoice) -> dict[str, Any]:
        """Return the message of a whole answer."""
        message: dict[str, Any] = {"role": "assistant", "content": one.text}
        if one.calls:
            message["content"] = self.content_beside_calls
            message["tool_calls"] = [self.call(call) for call in one.calls]
        return message

    def call(self, call: SimulatedCall) -> dict[str, Any]:
        """Return a tool call."""
        return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

    def finish(self, one: GeneratedChoice) -> str:
        """Return why the answer ended, in this provider's words."""
        return one.finish

    def answer_id(self, visit: Visit) -> str:
        """Return the id of an answer."""
        return f"chatcmpl-{visit.token[:24]}"

    @override
    def model_name(self, visit: Visit) -> str:
        return visit.model.id if visit.model else visit.asked_model

    def usage(self, visit: Visit, generation: Generation) -> dict[str, Any]:  # noqa: ARG002
        """Return the usage of a finished answer."""
        prompt, made = generation.prompt_tokens, generation.completion_tokens
        return {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}

    def extras(self, visit: Visit) -> dict[str, Any]:  # noqa: ARG002
        """Return what this provider adds to every answer and chunk."""
        return {}

    # -- streams ---------------------------------------------------------------------------------

    @override
    def frames(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        yield from self.opening(visit, ask, generation)
        for number, one in enumerate(generation.choices):
            for kind, text, made in self.chunks(one, self.world.pace.chunk_tokens):
                yield self.piece(visit, ask, number, self.delta(kind, text), made)
            for position, call in enumerate(one.calls):
                for delta, made in self.call_deltas(position, call):
                    yield self.piece(visit, ask, number, delta, made)
            yield from self.closing(visit, ask, generation, number)
        yield from self.ending(visit, ask, generation)
        yield Frame(b"data: [DONE]\n\n")

    def opening(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Return what comes before any content."""
        for number, one in enumerate(generation.choices):
            content = self.content_beside_calls if one.calls else ""
            yield self.piece(visit, ask, number, {"role": "assistant", "content": content}, 0)

    def closing(self, visit: Visit, ask: ParsedRequest, generation: Generation, number: int) -> Iterator[Frame]:
        """Return what ends one choice."""
        chunk = self.chunk(visit, ask, number, {}, self.finish(generation.choices[number]))
        yield self.event(chunk)

    def ending(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Return what follows the last choice, such as the usage."""
        if ask.include_usage:
            chunk = self.chunk(visit, ask, 0, {}, None)
            yield self.event({**chunk, "choices": [], "usage": self.usage(visit, generation)})

    def piece(self, visit: Visit, ask: ParsedRequest, number: int, delta: Mapping[str, Any], made: int) -> Frame:
        """Return one chunk of content."""
        return self.event(self.chunk(visit, ask, number, delta, None), made)

    def chunk(
        self,
        visit: Visit,
        ask: ParsedRequest,  # noqa: ARG002  # some dialects repeat what was asked
        number: int,
        delta: Mapping[str, Any],
        finish: str | None,
    ) -> dict[str, Any]:
        """Return one chunk as data."""
        choice_ = {"index": number, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {
            "id": self.answer_id(visit),
            "object": "chat.completion.chunk",
            "created": visit.created,
            "model": self.model_name(visit),
            "choices": [choice_],
            **self.extras(visit),
        }

    def delta(self, kind: str, text: str) -> dict[str, Any]:  # noqa: ARG002
        """Return a delta of text or thoughts."""
        return {"content": text}

    def call_deltas(self, position: int, call: SimulatedCall) -> Iterator[tuple[dict[str, Any], int]]:
        """Return a call, split over deltas or whole, with the tokens of each."""
        head = 4 + count(call.name)
        if not self.splits_calls:
            yield {"tool_calls": [{"index": position, **self.call(call)}]}, head + count(call.arguments)
            return
        function = {"name": call.name, "arguments": ""}
        yield {"tool_calls": [{"index": position, "id": call.id, "type": "function", "function": function}]}, head
        size = self.world.pace.chunk_tokens
        found = pieces(call.arguments)
        for start in range(0, len(found), size):
            part = found[start : start + size]
            yield {"tool_calls": [{"index": position, "function": {"arguments": "".join(part)}}]}, len(part)

    @staticmethod
    def event(data: Any, made: int = 0) -> Frame:
        """Return a server-sent event."""
        return Frame(b"data: " + dump(data) + b"\n\n", made)

    # -- errors ----------------------------------------------------------------------------------

    def error(self, status: int, message: str, kind: str | None, code: Any = None, param: Any = None) -> ErrorReply:
        """Return an error in OpenAI's shape."""
        body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
        return ErrorReply(status, body)

    @override
    def error_frames(self, visit: Visit) -> Iterable[Frame]:
        return [self.event(self.internal(visit).body)]

    @override
    def model_forbidden(self, visit: Visit) -> ErrorReply:
        message = f"You do not have access to the model {visit.asked_model}."
        return self.error(403, message, "invalid_request_error", None, "model")

    @override
    def model_ended(self, visit: Visit) -> ErrorReply:
        return self.unknown_model(visit.asked_model) if visit.model is None else self.retired_model(visit.model)

    @override
    def unsafe(self, visit: Visit) -> ErrorReply:
        message = "Your request was rejected as a result of our safety system."
        return self.error(400, message, "invalid_request_error", "content_policy_violation")

    @override
    def too_large(self) -> ErrorReply:
        return self.error(413, "Request entity too large", "invalid_request_error", "request_too_large")

    def invalid(self, problem: Problem) -> ErrorReply:
        """Return the error for a body that breaks a rule."""
        return self.error(400, problem.message, "invalid_request_error", None, problem.param or None)

    def unknown_model(self, name: str) -> ErrorReply:
        """Return the error for a model that never was."""
        message = f"The model `{name}` does not exist or you do not have access to it."
        return self.error(404, message, "invalid_request_error", "model_not_found")

    def retired_model(self, model: Model) -> ErrorReply:
        """Return the error for a model that is no more."""
        return self.unknown_model(model.id)
