"""Runs a request of any dialect on the client, and writes its answer."""

from __future__ import annotations

from dataclasses import replace

from shunpike.client import Client
from shunpike.errors import ShunpikeError
from shunpike_gateway.caller_bounds import bounded
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiDialect, ApiRequest, Caller, EventWriter
from shunpike_gateway.problems import problem_of
from shunpike_gateway.replies import json_reply


class Relay:
    """The way from a dialect through the router and back."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self, call: HttpCall, dialect: ApiDialect) -> None:
        """Answer ``call``. Raises `RejectedBody`, `Disconnected`, and `ShunpikeError` before anything was sent."""
        asked = self._bounded(dialect.read(await call.json(), call.head), call.head.caller)
        async with call.watched():
            if asked.stream:
                await self._stream(call, dialect, asked)
            else:
                done = await self._client.answer(asked.request, asked.wishes)
                headers = {"x-request-id": done.request_id, "x-shunpike-provider": done.provider}
                await call.write(json_reply(dialect.answer(asked, done), headers=headers))

    def _bounded(self, asked: ApiRequest, caller: Caller) -> ApiRequest:
        """Return ``asked`` with what bounds ``caller``. Raises `ApiFailure`."""
        runtime = self._client.runtime
        model = runtime.planner.named(runtime.snapshot, asked.request).model
        return replace(asked, wishes=bounded(asked.wishes, caller, model, runtime.snapshot.stands_for))

    async def _stream(self, call: HttpCall, dialect: ApiDialect, asked: ApiRequest) -> None:
        clock = self._client.clock
        async with self._client.open(asked.request, asked.wishes) as stream:
            writer = dialect.events(asked, self._client.runtime.planner.new_id(), clock.now())
            await call.begin_events({"x-shunpike-provider": stream.provider or ""})
            await call.write_events(writer.opening())
            try:
                async for chunk in stream:
                    await call.write_events(writer.chunk(chunk))
            except ShunpikeError as error:
                await self._broken(call, writer, error)
            else:
                await call.end_events(writer.end(stream.completion))

    async def _broken(self, call: HttpCall, writer: EventWriter, error: ShunpikeError) -> None:
        await call.end_events(writer.failure(problem_of(error)))
