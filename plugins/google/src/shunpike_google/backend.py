"""Completes, streams and lists models at the Gemini API itself, not at its imitation of OpenAI's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from typing_extensions import override

from shunpike.clock import Clock, SystemClock
from shunpike.errors import Overloaded, ProviderError
from shunpike.not_sent import before_sending
from shunpike.reasoning.apart import set_apart
from shunpike.types import Answer, Call, EmbedAnswer, EmbedCall, LiveModel, ProviderSettings
from shunpike.wire.address import check_base_url
from shunpike.wire.failures import Refused, Side
from shunpike.wire.flow import Flow
from shunpike.wire.http import Http, Reply
from shunpike.wire.lenient import decode, encode, rows, string, table
from shunpike.wire.network import Network
from shunpike.wire.stream import ChunkStream
from shunpike.wire.unreadable import no_answer
from shunpike.wire.wrong_place import locate
from shunpike_google.answer import read_answer, read_bill
from shunpike_google.body import Body
from shunpike_google.capabilities import count_body, embed_body, live_model, read_count, read_embeddings
from shunpike_google.contents import PROVIDER
from shunpike_google.failures import google_error
from shunpike_google.reader import GoogleReader
from shunpike_google.traits import Traits

MOST_PAGES = 20
"""Pages of the list of models; one holds a thousand."""


class GoogleBackend:
    """One project's key at the Gemini API. The key goes into a header, never into the address."""

    def __init__(
        self,
        side: Side,
        base_url: str,
        settings: ProviderSettings,
        traits: Traits,
        *,
        retired: frozenset[str] = frozenset(),
        clock: Clock | None = None,
    ) -> None:
        """Prepare all that no request changes. Raises `ConfigError` for an address or a key that can't be used."""
        self._side = side
        self._settings = settings
        self._traits = traits
        self._retired = retired
        self._clock: Clock = clock or settings.clock or SystemClock()
        headers = dict(settings.headers)
        if side.secret:
            headers["x-goog-api-key"] = side.secret
        self._http = Http(
            check_base_url(base_url, allow_http=settings.options.get("allow_http", False) is True),
            headers,
            provider=side.provider,
            transport=settings.transport,
            clock=self._clock,
            network=Network.of(settings),
        )

    @override
    def __repr__(self) -> str:
        """The address, nothing secret."""
        return f"GoogleBackend({self._http!r})"

    async def complete(self, call: Call) -> Answer:
        """Return the whole answer. Raises `ProviderError`."""
        try:
            with before_sending:
                body = Body(call, self._traits)
                data = body.build()
            reply = await self._http.post(_path(call, "generateContent"), data, call.timeouts, self._named(call))
            answer = set_apart(read_answer(self._data(reply, call.model), call), call)
        except ProviderError as error:
            error.model = error.model or call.model
            raise
        return answer.model_copy(
            update={"headers_at": reply.headers_at, "warnings": (*body.warnings, *answer.warnings)}
        )

    def stream(self, call: Call) -> ChunkStream:
        """Return a context in which the chunks arrive. Entering sends the request, leaving closes the connection."""

        def failure(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
            return self._failure(status, headers, body, call.model)

        reader = GoogleReader(call, failure)

        def send() -> Flow:
            body = Body(call, self._traits)
            data = body.build()
            reader.warnings = tuple(body.warnings)
            return self._http.stream(
                _path(call, "streamGenerateContent?alt=sse"), data, call.timeouts, self._named(call)
            )

        return ChunkStream(send, reader, call)

    def _named(self, call: Call | EmbedCall) -> dict[str, str] | None:
        """Return the header that names the attempt, where the owner wants it sent."""
        wanted = self._settings.options.get("send_attempt_id") is True
        return {"x-shunpike-attempt-id": call.attempt_id} if wanted else None

    async def embed(self, call: EmbedCall) -> EmbedAnswer:
        """Return one vector for each text, in their order. Raises `ProviderError`."""
        try:
            with before_sending:
                data = embed_body(call)
            reply = await self._http.post(_path(call, "batchEmbedContents"), data, call.timeouts, self._named(call))
            answer = read_embeddings(self._data(reply, call.model), call)
        except ProviderError as error:
            error.model = error.model or call.model
            raise
        return answer.model_copy(update={"headers_at": reply.headers_at})

    async def count_tokens(self, call: Call) -> int:
        """Return the tokens of the prompt as Google counts them, which costs nothing. Raises `ProviderError`."""
        body = count_body(Body(call, self._traits).build(), call.model)
        reply = await self._http.post(_path(call, "countTokens"), body, call.timeouts)
        return read_count(self._data(reply, call.model))

    async def list_models(self) -> Sequence[str]:
        """Return the ids of the models, those that only embed included. Raises `ProviderError`."""
        return [model.id for model in await self.describe_models()]

    async def describe_models(self) -> Sequence[LiveModel]:
        """Return the models with what the list tells of each. Raises `ProviderError`."""
        found: list[LiveModel] = []
        token = ""
        for _ in range(MOST_PAGES):
            page = f"&pageToken={quote(token, safe='')}" if token else ""
            data = self._data(await self._http.get(f"/models?pageSize=1000{page}", self._settings.timeouts), None)
            found += map(live_model, rows(data.get("models")))
            token = string(data.get("nextPageToken"))
            if not token:
                break
        return [model for model in found if model.id]

    async def aclose(self) -> None:
        """Let go of connections; calling it again does nothing."""
        await self._http.aclose()

    def _failure(self, status: int, headers: Mapping[str, str], body: bytes, model: str | None) -> ProviderError:
        refused = Refused(status, headers, body, self._clock.now(), model)
        failure = google_error(refused, self._side, self._retired)
        with suppress(ValueError):
            data = decode(body)
            failure.bill = read_bill(table(data[0] if isinstance(data, list) and data else data))
        return failure

    def _data(self, reply: Reply, model: str | None) -> Mapping[str, Any]:
        if not 200 <= reply.status < 300:
            raise locate(self._failure(reply.status, reply.headers, reply.body, model), reply.address)
        try:
            data = decode(reply.body)
        except ValueError as error:
            raise no_answer(PROVIDER, reply.headers, reply.body, reply.address) from error
        data = data[0] if isinstance(data, list) and data else data
        if not isinstance(data, Mapping):
            raise _malformed("the answer is not a JSON object")
        if data.get("error"):
            failure = self._failure(200, reply.headers, encode({"error": data["error"]}), model)
            failure.bill = read_bill(data)
            raise failure
        return data


def _path(call: Call | EmbedCall, method: str) -> str:
    return f"/models/{quote(call.model.removeprefix('models/'), safe='')}:{method}"


def _malformed(message: str) -> Overloaded:
    return Overloaded(f"{PROVIDER}: {message}", provider=PROVIDER, kind="malformed")
