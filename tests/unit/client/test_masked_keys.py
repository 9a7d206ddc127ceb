"""A stranger's words may hold any key of this process: none is shown, kept or told, whoever says it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from shunpike.errors import NoCredential, Overloaded, PluginError, ShunpikeError
from shunpike.hookspecs import hookimpl
from shunpike.types import Answer, Call, Chunk, Event
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient

pytestmark = pytest.mark.anyio
OWN, OTHER = "wordlike9999zz", "another+key==1111"
ENVIRON = {"ODD_API_KEY": OWN, "WELL_API_KEY": OTHER}


class Late(Overloaded):
    """Says more after it was made."""


def _late(text: str) -> Late:
    error = Late("soon", provider="odd")
    error.args, error.hint = (text,), text
    return error


FAILURES = {
    "a stranger's": ValueError,
    "of the provider": lambda text: Overloaded(text, provider="odd", hint=text),
    "of a plugin": lambda text: PluginError(text, plugin="odd", hint=text),
    "of the set-up": NoCredential,
    "said late": _late,
    "of a kind": lambda text: Overloaded("no", provider="odd", kind=text),
    "a group's": lambda text: ExceptionGroup("g", [ValueError(text)]),
    "long": lambda text: ValueError("x" * 470 + text),
}


class Telling:
    """A backend that gives away every key it can see."""

    def __init__(self, failure: str) -> None:
        self._failure = failure

    def _error(self) -> Exception:
        return FAILURES[self._failure](f"the keys are {OWN} and {OTHER}!")

    async def complete(self, call: Call) -> Answer:
        raise self._error()

    async def aclose(self) -> None:
        pass


class TellingStream(Telling):
    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[AsyncGenerator[Chunk, None], None]:
        raise self._error()
        yield


class Watching:
    def __init__(self, events: list[Event]) -> None:
        self._events = events

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        self._events.append(event)


def _provider(name: str, backend: object = None) -> ScriptedProvider:
    provider = ScriptedProvider(name, answer("all is well"))
    provider.env_key = f"{name.upper()}_API_KEY"
    if backend is not None:
        provider.backend = backend
    return provider


def _is_clean(text: str) -> bool:
    return not any(part in text for part in (OWN, OTHER, OWN[:8], OTHER[:8]))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("failure", FAILURES)
async def test_no_key_is_in_an_error_or_its_traces(make_client: MakeClient, failure: str, *, streamed: bool) -> None:
    events: list[Event] = []
    backend = TellingStream(failure) if streamed else Telling(failure)
    client = make_client(_provider("odd", backend), _provider("well"), environ=ENVIRON, wait=False)
    client.host.register(Watching(events), "watching")
    async with client:
        with pytest.raises(ShunpikeError) as caught:
            if streamed:
                async with client.stream("hi", model="odd/m") as stream:
                    [chunk async for chunk in stream]
            else:
                await client.complete("hi", model="odd/m")
        error = caught.value
        decision = getattr(error, "decision", None)
        closed = await client.ledger.closed()
        usage = await client.usage(0, 1e12)
    said = f"{error} {error!r} {error.hint} {vars(error)} {decision} {closed} {usage} {events}"
    assert _is_clean(said), said


async def test_no_key_is_in_the_record_of_an_answer(make_client: MakeClient) -> None:
    client = make_client(_provider("odd", Telling("a stranger's")), _provider("well"), environ=ENVIRON)
    async with client:
        done = await client.complete("hi")
    assert done.provider == "well"
    text = json.dumps(done.model_dump(mode="json"), default=str)
    assert "***" in text
    assert _is_clean(text), text


async def test_no_key_is_in_the_words_of_a_provider_about_an_answer(make_client: MakeClient) -> None:
    warned = answer("fine").model_copy(update={"warnings": (f"this key expires soon: {OTHER}",)})
    provider = ScriptedProvider("odd", warned)
    async with make_client(provider, _provider("well"), environ=ENVIRON) as client:
        done = await client.complete("hi", model="odd/m")
    assert done.warnings == ("this key expires soon: ***",)


async def test_a_short_made_up_key_is_no_secret(make_client: MakeClient) -> None:
    provider = _provider("odd", Telling("a stranger's"))
    async with make_client(provider, environ={"ODD_API_KEY": "odd"}, wait=False) as client:
        with pytest.raises(ShunpikeError, match="plugin 'odd'"):
            await client.complete("hi", model="odd/m")


async def test_a_key_in_the_names_of_an_answer_is_neither_told_nor_booked(make_client: MakeClient) -> None:
    named = answer("fine").model_copy(
        update={"model": f"m-{OWN}", "system_fingerprint": OWN, "provider_request_id": OWN, "service_tier": OWN}
    )
    first = Chunk(text="fi", model=OWN, system_fingerprint=OWN, provider_request_id=OWN)
    odd = ScriptedProvider("odd", named, [first, Chunk(text="ne", finish_reason="stop", model=f"m {OWN}")])
    odd.env_key = "ODD_API_KEY"
    client = make_client(odd, environ=ENVIRON)
    whole = await client.complete("hi", request_id="whole")
    told = [repr(whole), str(whole.openai())]
    async with client.stream("hi", request_id="streamed") as stream:
        told += [repr(chunk) async for chunk in stream]
        told.append(repr(stream.completion))
    told += [repr(await client.ledger.attempts_of(one)) for one in ("whole", "streamed")]
    assert not [one for one in told if OWN in one]
    assert whole.model == "m-***"
