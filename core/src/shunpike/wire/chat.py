"""A backend for any provider whose chat API is like OpenAI's: what differs is its `Dialect`, or a small override."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from shunpike.assembly import chunks_of
from shunpike.clock import Clock, SystemClock
from shunpike.errors import NotHere, Overloaded, ProviderError
from shunpike.not_sent import before_sending
from shunpike.reasoning.apart import set_apart
from shunpike.types import ABSENT, Answer, Call, Chunk, EmbedCall, LiveModel, ProviderInfo, ProviderSettings
from shunpike.types.base import changed
from shunpike.types.finish import no_choice
from shunpike.wire.address import check_base_url, is_keyed
from shunpike.wire.answer import read_answer
from shunpike.wire.body import chat_body, stream_body
from shunpike.wire.chunks import StreamProgress, missing_ends, read_chunk
from shunpike.wire.dialect import Dialect
from shunpike.wire.error_body import marks
from shunpike.wire.failures import Refused, Side, classify, request_id
from shunpike.wire.flow import Flow
from shunpike.wire.http import Http, Reply
from shunpike.wire.lenient import at, decode, encode
from shunpike.wire.listing import read_models
from shunpike.wire.network import Network
from shunpike.wire.ratelimits import header_evidence
from shunpike.wire.sse import ServerSentEvent
from shunpike.wire.stream import ChunkStream
from shunpike.wire.unreadable import no_answer
from shunpike.wire.unsupported import check_parts, lost, strangers
from shunpike.wire.usage import add_bill
from shunpike.wire.wrong_place import locate

STRANGE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What an override raises when it trips over an answer that is not as expected."""


class ChatBackend:
    """Completes, streams and lists models over one origin with one key.

    To teach it a quirk that no dialect can say, override `body`, `answer`, `chunks` or `failure`, call ``super()`` and
    change what comes back.
    """

    http_class: ClassVar[type[Http]] = Http

    def __init__(
        self,
        info: ProviderInfo,
        settings: ProviderSettings,
        dialect: Dialect | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        """Prepare all that no request changes. Raises `ConfigError` for an address or a key that can't be used."""
        self.info = info
        self.settings = settings
        self.dialect = dialect or Dialect()
        self.clock: Clock = clock or settings.clock or SystemClock()
        key = settings.key.get_secret_value() if settings.key else None
        self._side = Side(info.id, self.dialect, settings.key_env or info.env_key, key)
        headers = {**self.dialect.extra_headers, **settings.headers}
        if key:
            headers[self.dialect.auth_header] = self.dialect.auth_prefix + key
        self.http = self.http_class(
            check_base_url(
                settings.base_url or info.base_url,
                allow_http=settings.options.get("allow_http", False) is True,
                keyed=is_keyed(key, settings.headers),
            ),
            headers,
            provider=info.id,
            transport=settings.transport,
            clock=self.clock,
            network=Network.of(settings),
        )

    @override
    def __repr__(self) -> str:
        """The provider and its address, nothing secret."""
        return f"{type(self).__name__}({self.info.id!r}, {self.http!r})"

    # ---- what a provider may change

    def body(self, call: Call) -> dict[str, Any]:
        """Return the JSON to send for a unary request; a streamed one adds ``stream`` to it."""
        return chat_body(call, self.dialect, self.info.id)

    def answer(self, call: Call, data: dict[str, Any], headers: Mapping[str, str]) -> Answer:  # noqa: ARG002
        """Return the answer in ``data``. What only the headers tell is added afterwards."""
        return read_answer(call, data, self.dialect, self.info.id)

    def chunks(self, raw_chunk: dict[str, Any], seen: StreamProgress) -> list[Chunk]:
        """Return the chunks of one chunk of a stream; ``seen`` holds the call and what came before."""
        return read_chunk(raw_chunk, seen, self.dialect, self.info.id)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Return the error that a refusal means; a status of 200 = it stood inside an answer or a stream."""
        return classify(Refused(status, headers, body, self.clock.now()), self._side)

    @property
    def cancel_safe(self) -> bool:
        """Whether closing the connection stops the billing: by the dialect's word."""
        return self.dialect.cancel_safe

    # ---- what the core calls

    async def complete(self, call: Call) -> Answer:
        """Return the whole answer. Raises `ProviderError`."""
        try:
            with before_sending:
                warnings, body = self.warnings(call, streamed=False), self.body(call)
            reply = await self.http.post(self.dialect.chat_path, body, call.timeouts, self.attempt_headers(call))
            answer = set_apart(self.read(call, reply), call)
        except ProviderError as error:
            error.model = error.model or call.model
            raise
        opening = self.opening(reply.headers, reply.headers_at)
        return changed(
            answer,
            headers_at=reply.headers_at,
            evidence=(*opening.evidence, *answer.evidence),
            warnings=(*warnings, *answer.warnings),
            provider_request_id=opening.provider_request_id or answer.provider_request_id,
        )

    def stream(self, call: Call) -> ChunkStream:
        """Return a context in which the chunks arrive. Entering sends the request, leaving closes the connection."""
        reader = _ChatReader(self, call)

        def send() -> Flow:
            reader.warnings = self.warnings(call, streamed=True)
            body = stream_body(self.body(call), call, self.dialect)
            return self.http.stream(self.dialect.chat_path, body, call.timeouts, self.attempt_headers(call))

        return ChunkStream(send, reader, call)

    async def list_models(self) -> Sequence[str]:
        """Return the ids of the provider's models. Raises `ProviderError`."""
        return [model.id for model in await self.describe_models()]

    async def describe_models(self) -> Sequence[LiveModel]:
        """Return the provider's models with what its list tells of each. Raises `ProviderError`."""
        if not self.dialect.models_path:
            raise NotHere(f"{self.info.id} lists no models", provider=self.info.id, kind="unsupported")
        reply = await self.http.get(self.dialect.models_path, self.settings.timeouts)
        return read_models(self._data(reply, whole=False), self.dialect, self.info.id)

    async def aclose(self) -> None:
        """Let go of connections; calling it again does nothing."""
        await self.http.aclose()

    # ---- shared by both ways of answering

    def warnings(self, call: Call, *, streamed: bool) -> tuple[str, ...]:
        """Return what of the request gets lost. Raises `NotHere` (unsupported) where the call is strict about it."""
        check_parts(call, self.dialect, self.info.id)
        found = lost(call, self.dialect, self.info.id, streamed=streamed)
        if found and call.strict:
            raise NotHere("; ".join(found), provider=self.info.id, model=call.model, kind="unsupported")
        return (*found, *strangers(call.request, self.info.id))

    def attempt_headers(self, call: Call | EmbedCall) -> dict[str, str] | None:
        """Return the header that names the attempt, where the owner wants it sent."""
        wanted = self.settings.options.get("send_attempt_id") is True
        return {"x-shunpike-attempt-id": call.attempt_id} if wanted else None

    def opening(self, headers: Mapping[str, str], headers_at: float) -> Chunk:
        """Return what the headers of a good answer tell."""
        return Chunk.model_construct(
            headers_at=headers_at,
            evidence=header_evidence(headers, self.dialect.ratelimits, headers_at),
            provider_request_id=request_id(headers, self.dialect),
        )

    def read(self, call: Call, reply: Reply) -> Answer:
        """Return the answer in a reply. Raises what it means when it is none."""
        data = self._data(reply, whole=True)
        try:
            return self.answer(call, data, reply.headers)
        except ProviderError as error:
            raise add_bill(error, data, self.dialect) from error.__cause__
        except STRANGE as error:
            malformed = self._malformed(f"the answer can't be read: {error}")
            raise add_bill(malformed, data, self.dialect) from error

    def told_failure(self, data: Mapping[str, Any], headers: Mapping[str, str]) -> ProviderError | None:
        """Return the failure that stands inside an answer or a chunk whose status was good."""
        error = next((found for path in self.dialect.errors_at if (found := at(data, path))), None)
        if error is None and data.get("object") == "error":
            error = data
        if error is None:
            return None
        # A Retry-After on a good status is sent with every answer by some, and says nothing about this failure.
        told = {name: value for name, value in headers.items() if not name.startswith("retry-after")}
        return self.failure(200, told, encode({"error": error}))

    def _data(self, reply: Reply, *, whole: bool) -> Any:
        if not 200 <= reply.status < 300:
            failure = self.failure(reply.status, reply.headers, reply.body)
            raise add_bill(locate(failure, reply.address), reply.body, self.dialect)
        try:
            data = decode(reply.body, exact=self.dialect.exact)
        except ValueError as error:
            raise no_answer(self.info.id, reply.headers, reply.body, reply.address) from error
        if isinstance(data, list) and whole:
            data = data[0] if data else None
        if isinstance(data, list):
            return data
        if not isinstance(data, dict):
            raise self._malformed("the answer is not a JSON object")
        told = self.told_failure(data, reply.headers)
        if told is not None:
            raise add_bill(told, data, self.dialect)
        return data

    def _malformed(self, message: str) -> Overloaded:
        return Overloaded(f"{self.info.id}: {message}", provider=self.info.id, kind="malformed")


class _ChatReader:
    """Reads the events of one streamed answer for a `ChatBackend`."""

    def __init__(self, backend: ChatBackend, call: Call) -> None:
        self.provider = backend.info.id
        self.model = call.model
        self.failed: ProviderError | None = None
        self.done = False
        self.warnings: tuple[str, ...] = ()
        self._backend = backend
        self._seen = StreamProgress(call, expected=1 if backend.dialect.single_choice else call.request.n or 1)
        self._headers: Mapping[str, str] = {}
        # A chunk without any of these words holds no error, which is cheaper to see in the text than in the JSON.
        self._marks = marks(backend.dialect.errors_at)

    @property
    def complete(self) -> bool:
        """Whether every choice that was asked for has told its end."""
        return self._seen.complete

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Return what a status other than success means."""
        return add_bill(self._backend.failure(status, headers, body), body, self._backend.dialect)

    def opening(self, headers: Mapping[str, str], headers_at: float) -> Chunk:
        """Return what the headers tell, and what of the request got lost."""
        self._headers = headers
        return changed(self._backend.opening(headers, headers_at), warnings=self.warnings)

    def whole(self, headers: Mapping[str, str], body: bytes) -> Sequence[Chunk]:
        """Return the chunks of an answer that came in one, though a stream was asked for."""
        self.done = True
        return chunks_of(self._backend.read(self._seen.call, Reply(200, headers, body, 0.0)))

    def chunks(self, event: ServerSentEvent) -> Sequence[Chunk]:
        """Return the chunks of one event."""
        text = event.data.strip()
        if text == "[DONE]":
            self.done = True
            return ()
        if not text:
            return ()
        backend = self._backend
        try:
            raw_chunk = decode(text, exact=backend.dialect.exact)
            raw_chunk = raw_chunk[0] if isinstance(raw_chunk, list) and len(raw_chunk) == 1 else raw_chunk
            if not isinstance(raw_chunk, dict):
                raise ValueError("an event is not a JSON object")  # noqa: TRY004 - of the wire, not of a caller
            if self.failed is None and (event.event == "error" or self._marks.search(text)):
                self.failed = backend.told_failure(raw_chunk, self._headers)
                if self.failed is None and event.event == "error":
                    self.failed = backend.failure(200, {}, text.encode())
            if self.failed is None:
                try:
                    return backend.chunks(raw_chunk, self._seen)
                except ProviderError as error:
                    self.failed = error
            # Of a failed answer only the figures count.
            add_bill(self.failed, raw_chunk, backend.dialect)
            return backend.chunks({**raw_chunk, "choices": []}, self._seen)
        except STRANGE as error:
            raise Overloaded(
                f"{self.provider}: the stream can't be read: {error}", provider=self.provider, kind="malformed"
            ) from error

    def ends(self) -> Sequence[Chunk]:
        """Return the finish reasons that were never told, and whether a usage may be missing that was to come.

        Raises `BadAnswer` when no choice ever came.
        """
        if not self._seen.choices:
            raise no_choice(self.provider, self.model, self._seen.bill)
        lost = [] if self.done or self._seen.usage is ABSENT else [Chunk(usage=ABSENT)]
        return [*lost, *missing_ends(self._seen)]
