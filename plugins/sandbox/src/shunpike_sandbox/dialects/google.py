"""Google's Gemini API, native: another shape for everything, no rate-limit headers, precise 429s."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from typing_extensions import override

from shunpike_sandbox import faults
from shunpike_sandbox.asks import ParsedRequest
from shunpike_sandbox.bodies import parse
from shunpike_sandbox.catalog import Model, retired
from shunpike_sandbox.dialects import google_embed, google_read, google_turns
from shunpike_sandbox.dialects.google_errors import JSON, GoogleErrors
from shunpike_sandbox.generation import GeneratedChoice, Generation, prompt_tokens
from shunpike_sandbox.refusals import ErrorReply, Problem
from shunpike_sandbox.replies import Frame, PlainReply, StreamedReply, dump
from shunpike_sandbox.service import Reply, any_header
from shunpike_sandbox.visits import Visit

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}


class GoogleService(GoogleErrors):
    """``/google``, below ``/v1beta`` and ``/v1``."""

    unspoken = frozenset({faults.SHRUNK_USAGE})
    """Each phase of a long answer begins its figures anew, and the last ones are of the whole."""

    bills_in_full = True
    call_id = "{}"

    @override
    def key(self, request: Request) -> str | None:
        """Return the key from its header or the query."""
        return any_header(request, ["x-goog-api-key"]) or request.query_params.get("key")

    @override
    def operate(self, operation: str, visit: Visit, request: Request, raw: bytes) -> Reply:
        """Answer the method that stands behind the colon."""
        name, _, method = request.path_params["call"].rpartition(":")
        listed = method == "streamGenerateContent" and request.query_params.get("alt") != "sse"
        try:
            reply = self._method(method, name, visit, request, raw)
        except Problem as problem:
            raise self._as_list(self.invalid(problem), listed) from None
        except ErrorReply as refusal:
            raise self._as_list(refusal, listed) from None
        if listed and isinstance(reply, StreamedReply):
            reply.headers = {**reply.headers, "content-type": JSON}
            reply.frames, reply.error = _listed(reply.frames), _listed(reply.error)
        return reply

    def _method(self, method: str, name: str, visit: Visit, request: Request, raw: bytes) -> Reply:
        version = request.path_params["version"]
        body = parse(raw or b"{}")
        if method in ("embedContent", "batchEmbedContents"):
            return google_embed.embed(self, visit, body, self._model(name, visit, version, "embedding", "embedContent"))
        if method not in ("generateContent", "streamGenerateContent"):
            raise ErrorReply(404, b"", content_type="text/html; charset=UTF-8")
        model = self._model(name, visit, version, "chat", "generateContent")
        ask = google_read.read(body, model, stream=method.startswith("stream"))
        return self.answer(visit, ask, model)

    def _model(self, name: str, visit: Visit, version: str, kind: str, method: str) -> Model:
        visit.asked_model = name[:200]
        model = self.provider.models.get(name)
        if model is None or model.kind != kind or retired(model, self.world.clock.now()):
            message = (
                f"models/{name} is not found for API version {version}, or is not supported for {method}. Call "
                "ModelService.ListModels to see the list of available models and their supported methods."
            )
            raise self.error(404, message, "NOT_FOUND")
        return model

    def _as_list(self, refusal: ErrorReply, listed: bool) -> ErrorReply:
        """Errors of a stream without ``alt=sse`` come in a list."""
        return replace_body(refusal, [refusal.body]) if listed and isinstance(refusal.body, Mapping) else refusal

    @override
    def inform(self, request: Request) -> PlainReply:
        self.admit_key(self.key(request))
        name = request.path_params.get("name")
        rows = [self._row(model) for model in self.listed()]
        if name is None:
            return self._page(rows, request)
        found = next((row for row in rows if row["name"] == f"models/{name}"), None)
        if found is None:
            raise self.error(404, f"Model is not found: models/{name} for api version v1beta", "NOT_FOUND")
        return PlainReply(200, dump(found, indent=2), {"content-type": JSON})

    def count_tokens(self, request: Request, raw: bytes) -> PlainReply:
        """Count the tokens of a prompt, which is free."""
        self.admit_key(self.key(request))
        name = request.path_params["call"].rpartition(":")[0]
        model = self.provider.models.get(name)
        if model is None or retired(model, self.world.clock.now()):
            message = f"models/{name} is not found for API version v1beta, or is not supported for countTokens."
            raise self.error(404, message, "NOT_FOUND")
        try:
            body = parse(raw)
            ask = google_read.read(body.get("generateContentRequest", body), model, stream=False)
        except Problem as problem:
            raise self.invalid(problem) from None
        total = prompt_tokens(ask)
        answer = {"totalTokens": total, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}]}
        return PlainReply(200, dump(answer, indent=2), {"content-type": JSON})

    def _page(self, rows: list[dict[str, Any]], request: Request) -> PlainReply:
        query = request.query_params
        size, start = int(query.get("pageSize", "50") or 50), int(query.get("pageToken", "0") or 0)
        page: dict[str, Any] = {"models": rows[start : start + size]}
        if start + size < len(rows):
            page["nextPageToken"] = str(start + size)
        return PlainReply(200, dump(page, indent=2), {"content-type": JSON})

    @staticmethod
    def _row(model: Model) -> dict[str, Any]:
        row: dict[str, Any] = {
            "name": f"models/{model.id}",
            "version": "001",
            "displayName": model.id.replace("-", " ").title(),
            "description": "",
            "inputTokenLimit": model.context,
            "outputTokenLimit": model.max_output or 1,
        }
        if model.kind == "embedding":
            return {**row, "supportedGenerationMethods": ["embedContent", "countTextTokens", "countTokens"]}
        methods = ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"]
        more = {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2, "thinking": model.can("reasoning")}
        return {**row, "supportedGenerationMethods": methods, **more}

    # -- answers ---------------------------------------------------------------------------------

    @override
    def unary(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> bytes:
        """Return the whole answer, printed as Google prints."""
        candidates = [self._candidate(ask, number, one) for number, one in enumerate(generation.choices)]
        return dump(self._response(visit, candidates, self._usage(generation, generation.choices)), indent=2)

    @override
    def frames(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterator[Frame]:
        """Return the stream: whole responses with a delta of parts, no end marker."""
        early = self._usage(generation, ())
        for number, one in enumerate(generation.choices):
            pieces = self.chunks(one, self.world.pace.chunk_tokens)
            hidden = 0 if ask.show_thinking else one.thought_tokens
            shown = [piece for piece in pieces if piece[0] == "text" or ask.show_thinking]
            for position, (kind, text, made) in enumerate(shown):
                part = {"text": text, "thought": True} if kind == "thought" else {"text": text}
                last = position == len(shown) - 1 and not one.calls
                candidate = {"content": {"parts": [part], "role": "model"}, "index": number}
                if last:
                    candidate["finishReason"] = _FINISH[one.finish]
                usage = self._usage(generation, generation.choices[: number + 1]) if last else early
                yield self._event(self._response(visit, [candidate], usage), made + hidden)
                hidden = 0
            if one.calls or not shown:
                candidate = self._candidate(ask, number, GeneratedChoice("", one.calls, finish=one.finish))
                usage = self._usage(generation, generation.choices[: number + 1])
                yield self._event(self._response(visit, [candidate], usage), one.call_tokens + hidden)

    def _candidate(self, ask: ParsedRequest, number: int, one: GeneratedChoice) -> dict[str, Any]:
        parts: list[dict[str, Any]] = []
        if one.thoughts and ask.show_thinking:
            parts.append({"text": one.thoughts, "thought": True})
        if one.text:
            parts.append({"text": one.text})
        # A call is whole or it is not there: arguments are an object here, never a piece of text.
        whole = [call for call in one.calls if _is_json(call.arguments)]
        for position, call in enumerate(whole):
            part: dict[str, Any] = {
                "functionCall": {"name": call.name, "args": json.loads(call.arguments), "id": call.id}
            }
            if position == 0 and ask.signs:
                part["thoughtSignature"] = google_turns.sign(call.id)
            parts.append(part)
        content: dict[str, Any] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
        candidate = {"content": content, "finishReason": _FINISH[one.finish], "index": number}
        return {**candidate, "finishMessage": "Model generated function call(s)."} if whole else candidate

    def _usage(self, generation: Generation, done: Sequence[GeneratedChoice]) -> dict[str, Any]:
        prompt = generation.prompt_tokens
        thoughts = sum(one.thought_tokens for one in done)
        said = sum(one.tokens for one in done) - thoughts
        usage: dict[str, Any] = {"promptTokenCount": prompt}
        if said:
            usage["candidatesTokenCount"] = said
        usage |= {"totalTokenCount": prompt + said + thoughts}
        usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
        return {**usage, "thoughtsTokenCount": thoughts} if thoughts else usage

    def _response(self, visit: Visit, candidates: list[dict[str, Any]], usage: Mapping[str, Any]) -> dict[str, Any]:
        model = visit.model.id if visit.model else visit.asked_model
        return {"candidates": candidates, "usageMetadata": usage, "modelVersion": model, "responseId": visit.token[:22]}

    @staticmethod
    def _event(data: Any, made: int = 0) -> Frame:
        return Frame(b"data: " + dump(data) + b"\r\n\r\n", made)

    @override
    def headers(self, visit: Visit) -> dict[str, str]:
        """Return the timing; limits are never told."""
        return {"server-timing": "gfet4t7; dur=12", "x-gemini-service-tier": "standard", "vary": "Origin"}

    @override
    def error_frames(self, visit: Visit) -> Iterable[Frame]:
        return [self._event(self.overloaded(visit).body)]


def replace_body(refusal: ErrorReply, body: Any) -> ErrorReply:
    """Return a refusal with another body."""
    return replace(refusal, body=body)


def _listed(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Turn events into the elements of one JSON array."""
    opening = b"["
    for frame in frames:
        data = frame.data.removeprefix(b"data: ").strip()
        yield Frame(opening + data, frame.tokens)
        opening = b"\n,\r\n"
    yield Frame(b"\n]")


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
