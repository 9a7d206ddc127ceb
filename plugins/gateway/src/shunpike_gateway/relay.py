"""Runs a request of any dialect on the client, and writes its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shunpike.client import Client, Stream
from shunpike.clock import Clock
from shunpike.errors import ShunpikeError
from shunpike.runtime.counter import measured
from shunpike.runtime.wishes import Wishes
from shunpike.types import ChatRequest, EmbedRequest, GatewaySettings
from shunpike_gateway.caller_bounds import bounded, check_model
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiDialect, ApiError, ApiFailure, ApiRequest, Caller, EventWriter, RejectedBody
from shunpike_gateway.options import with_options
from shunpike_gateway.problems import broken, problem_of, rejected, with_id
from shunpike_gateway.provenance import FIELD, headers_of, id_headers, told_of, warning_header
from shunpike_gateway.replay import Replay
from shunpike_gateway.replies import json_reply


class Relay:
    """The way from a dialect through the router and back."""

    def __init__(self, client: Client, settings: GatewaySettings) -> None:
        self._client = client
        self.settings = settings
        self.replay = Replay(client.clock, settings.replay_memory)

    async def run(self, call: HttpCall, dialect: ApiDialect) -> None:
        """Answer ``call``. Raises `ApiFailure` before anything was sent, and `Disconnected`."""
        request_id = self._client.runtime.planner.new_id()
        body = await call.json()
        try:
            asked = self.asked(dialect.read(body, call.head), body, call, request_id)
        except RejectedBody as error:
            raise ApiFailure(with_id(rejected(error), request_id)) from None
        except ApiFailure as failure:
            raise ApiFailure(with_id(failure.problem, request_id), failure.headers) from None
        async with call.watched():
            if asked.stream:
                await _Streaming(self, call, dialect, asked).run()
            else:
                await self._whole(call, dialect, asked)

    def asked(self, asked: ApiRequest, body: Mapping[str, Any], call: HttpCall, request_id: str) -> ApiRequest:
        """Return ``asked`` as it is run: with the options of ``call``, and what its client dropped put back.

        Raises `RejectedBody`, and `ApiFailure` where the model may not be asked for.
        """
        asked, caller = with_options(asked, body, call.head), call.head.caller
        wishes = self.bounded(asked.wishes, caller, asked.request, request_id)
        return replace(asked, request=self.replay.restored(caller, asked.request), wishes=wishes)

    def bounded(self, wishes: Wishes, caller: Caller, request: ChatRequest | EmbedRequest, request_id: str) -> Wishes:
        """Return ``wishes`` under an id just made, with what bounds ``caller``. Raises `ApiFailure`."""
        wishes = bounded(wishes, caller, self._model_of(request), self._client.runtime.snapshot.stands_for)
        return replace(wishes, max_wait=self.settings.max_wait, request_id=request_id, is_new_id=True)

    def _model_of(self, request: ChatRequest | EmbedRequest) -> str:
        if "model" in request.model_fields_set:
            return request.model
        return self._client.runtime.snapshot.settings.default_model

    async def counted(self, call: HttpCall, dialect: ApiDialect) -> int:
        """Return the estimated tokens of the prompt of ``call``: nobody is asked, and nothing is paid.

        Raises `RejectedBody`, `Disconnected`, and `ApiFailure` where its model may not be asked for.
        """
        request = dialect.read(await call.json(), call.head).request
        check_model(call.head.caller, self._model_of(request), self._client.runtime.snapshot.stands_for)
        tokens, _ = await measured(request)
        return tokens

    async def _whole(self, call: HttpCall, dialect: ApiDialect, asked: ApiRequest) -> None:
        try:
            done = await self._client.answer(asked.request, asked.wishes)
        except ShunpikeError as error:
            raise self.failure(error, asked) from error
        self.replay.keep(call.head.caller, done)
        body = dialect.answer(asked, done)
        if asked.provenance:
            body = {**body, FIELD: told_of(done)}
        await call.write(json_reply(body, headers=headers_of(done, asked.dropped)))

    def open(self, asked: ApiRequest) -> Stream:
        """Return the stream that answers ``asked``, not begun."""
        return self._client.open(asked.request, asked.wishes)

    def problem(self, error: ShunpikeError, asked: ApiRequest) -> ApiError:
        """Return what the client of ``asked`` is told of ``error``."""
        return with_id(problem_of(error, self._client.clock.now()), asked.wishes.request_id or "")

    def failure(self, error: ShunpikeError, asked: ApiRequest) -> ApiFailure:
        """Return what ends ``asked`` before anything was sent."""
        problem = self.problem(error, asked)
        headers = {"x-shunpike-attempts": str(len(problem.attempts)), **warning_header(asked.dropped)}
        return ApiFailure(problem, headers)

    @property
    def clock(self) -> Clock:
        """The client's."""
        return self._client.clock


class _Streaming:
    """One streamed answer: what is sent when there is content, and when there is none for long.

    Until the first content its client sees nothing, so that whatever fails is told by a status. Clients give up
    meanwhile: after ``commit_after`` the answer begins without content. A provider may still be replaced then.
    """

    def __init__(self, relay: Relay, call: HttpCall, dialect: ApiDialect, asked: ApiRequest) -> None:
        self._relay, self._call, self._asked = relay, call, asked
        self._clock = relay.clock
        self._writer: EventWriter = dialect.events(asked, asked.wishes.request_id or "", self._clock.now())
        self._stream = relay.open(asked)
        self._beginning = asyncio.Lock()
        self._sent_mono = 0.0
        """When something was sent last."""

    async def run(self) -> None:
        """Answer. Raises `ApiFailure` where nothing was sent yet."""
        watch = asyncio.create_task(self._break_silence())
        try:
            async with self._stream:
                await self._begin()
                await self._relay_chunks()
                watch.cancel()
                done = self._stream.completion
                self._relay.replay.keep(self._call.head.caller, done)
                await self._call.end_events(self._writer.end(done))
        except ShunpikeError as error:
            watch.cancel()
            async with self._beginning:
                if not self._call.begun:
                    raise self._relay.failure(error, self._asked) from error
                problem = self._relay.problem(error, self._asked)
                await self._call.end_events(self._writer.failure(problem))
        except Exception as error:
            # A mistake of ours: the server logs it, and who reads the stream is told that this is no end of it.
            watch.cancel()
            async with self._beginning:
                if self._call.begun:
                    problem = with_id(broken(type(error).__name__), self._asked.wishes.request_id or "")
                    await self._call.end_events(self._writer.failure(problem))
            raise
        finally:
            watch.cancel()

    async def _relay_chunks(self) -> None:
        stream, writer, call, monotonic = self._stream, self._writer, self._call, self._clock.monotonic
        while (chunk := await stream.next()) is not None:
            if data := writer.chunk(chunk):
                await call.write_events(data)
                self._sent_mono = monotonic()

    async def _begin(self) -> None:
        """Send the status, the headers, and what opens an answer; once, whoever comes first."""
        async with self._beginning:
            if self._call.begun:
                return
            stream = self._stream
            headers = {**id_headers(self._asked.wishes.request_id or ""), **warning_header(self._asked.dropped)}
            if stream.provider is not None and stream.model is not None and stream.prompt_tokens is not None:
                headers |= {"x-shunpike-provider": stream.provider, "x-shunpike-model": stream.model}
                headers["x-shunpike-attempts"] = str(stream.attempts)
                self._writer.served(stream.model, stream.prompt_tokens)
            await self._call.begin_events(headers)
            await self._call.write_events(self._writer.opening())
            self._sent_mono = self._clock.monotonic()

    async def _break_silence(self) -> None:
        settings, clock = self._relay.settings, self._clock
        await clock.sleep(settings.commit_after)
        await self._begin()
        while True:
            quiet = clock.monotonic() - self._sent_mono
            if quiet >= settings.keep_alive:
                self._sent_mono, quiet = clock.monotonic(), 0.0
                await self._call.write_events(self._writer.silence())
            await clock.sleep(settings.keep_alive - quiet)
