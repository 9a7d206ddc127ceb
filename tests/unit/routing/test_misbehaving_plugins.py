"""A plugin that breaks its contract at run time is named, costs no more than it may have cost, and ends nothing."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from typing_extensions import override

from shunpike.client import Client
from shunpike.errors import Overloaded, PluginError, UsageError
from shunpike.hookspecs import hookimpl
from shunpike.protocols import Backend
from shunpike.types import Answer, Billing, Call, Chunk, Completion, Price
from shunpike.wire import before_sending
from shunpike_testkit.scripted import ScriptedProvider, answer

from .plugged import client

BUDGET = {"amount": {"pico": 10**12}, "period": "day"}
KEY = "sk-live-0123456789abcdef0123"


class Odd(ScriptedProvider):
    """A provider whose backend is whatever a test hands it."""

    def __init__(self, backend: Any, **fields: Any) -> None:
        super().__init__("odd", **fields)
        self.models = tuple(self.model(f"m{number}") for number in range(5))
        self.odd = backend

    @override
    @hookimpl
    def shunpike_completion(self, provider: str) -> Backend | None:
        return self.odd if provider == self.name else None


class Whole:
    """A backend of one method."""

    def __init__(self, complete: Callable[[Call], Any]) -> None:
        self.calls = 0
        self._complete = complete

    def complete(self, call: Call) -> Any:
        self.calls += 1
        return self._complete(call)

    async def aclose(self) -> None:
        raise RuntimeError("not even that")


class InChunks(Whole):
    """A backend that streams."""

    def stream(self, call: Call) -> Any:
        self.calls += 1
        return self._complete(call)


async def late(found: Any) -> Any:
    if isinstance(found, BaseException):
        raise found
    return found


def overloaded(**odd: Any) -> Overloaded:
    error = Overloaded("busy", provider="odd")
    vars(error).update(odd)
    return error


WRONG: dict[str, Callable[[Call], Any]] = {
    "raises": lambda _: late(ValueError("somewhere inside")),
    "raises at once": lambda _: 1 // 0,
    "nothing": lambda _: late(None),
    "a str": lambda _: late("hello"),
    "a dict": lambda _: late({"choices": []}),
    "a coroutine": lambda _: late(late(answer())),
    "not awaitable": lambda _: answer(),
    "no choices": lambda _: late(answer().model_copy(update={"choices": ()})),
    "a moment that is none": lambda _: late(overloaded(retry_at="soon")),
    "evidence that is none": lambda _: late(overloaded(evidence=None)),
    "a group": lambda _: late(ExceptionGroup("several", [ValueError("one")])),
}


async def ask(opened: Client, *, streamed: bool = False) -> Completion:
    if not streamed:
        return await opened.complete("hello")
    async with opened.stream("hello") as stream:
        _ = [chunk async for chunk in stream]
    return stream.completion


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("wrong", WRONG)
async def test_whatever_a_backend_does_the_next_one_answers(wrong: str, *, streamed: bool) -> None:
    odd = Odd(Whole(WRONG[wrong]))
    async with client(odd, ScriptedProvider("next", answer("fine"))) as opened:
        done = await ask(opened, streamed=streamed)
        rows = {row.provider: row for row in await opened.usage(0, 2e10)}
    assert done.text == "fine"
    assert done.attempts[0].error == "plugin"
    assert "odd-plugin" in (done.attempts[0].message or "")
    assert odd.odd.calls == 1
    # Free, so that nobody has to settle it; it counts at its worst case all the same.
    assert (rows["odd"].requests, rows["odd"].held, rows["odd"].completion_tokens > 0) == (1, 0, True)


@pytest.mark.parametrize("streamed", [False, True])
async def test_alone_it_is_a_plugin_error_that_names_it_and_shows_no_key(*, streamed: bool) -> None:
    odd = Odd(Whole(lambda _: late(ValueError(f"Authorization: Bearer {KEY}"))))
    async with client(odd) as opened:
        with pytest.raises(PluginError, match="plugin 'odd-plugin': its .* raised ValueError") as caught:
            await ask(opened, streamed=streamed)
    assert caught.value.plugin == "odd-plugin"
    assert caught.value.request_id
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("given", "told"), [(None, "nothing"), ("hello", "a str"), ({}, "a dict")])
async def test_what_is_no_answer_is_called_what_it_is(given: object, told: str, *, streamed: bool) -> None:
    async with client(Odd(Whole(lambda _: late(given)))) as opened:
        with pytest.raises(PluginError, match=f"its backend gave {told}, not an Answer"):
            await ask(opened, streamed=streamed)


async def test_what_provably_never_left_costs_nothing() -> None:
    def unmade(_: Call) -> Awaitable[Answer]:
        with before_sending:
            raise ValueError("no body")

    odd = Odd(Whole(unmade), billing=Billing.CARD, price=Price.per_million("1", "2"))
    async with client(odd, allow_paid=True, budgets=[BUDGET]) as opened:
        with pytest.raises(PluginError):
            await opened.complete("hello")
        rows = await opened.usage(0, 2e10)
    assert not rows or (rows[0].unconfirmed, rows[0].cost.pico) == (0, 0)


class Opened:
    """A context of chunks that goes wrong where a test says so."""

    def __init__(self, *chunks: Any, leaving: Exception | None = None) -> None:
        self._chunks = list(chunks)
        self._leaving = leaving

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._leaving is not None:
            raise self._leaving

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        if not self._chunks:
            raise StopAsyncIteration
        found = self._chunks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


class Empty(Opened):
    async def __aenter__(self) -> Any:
        return None


STREAMS: dict[str, Callable[[Call], Any]] = {
    "nothing": lambda _: None,
    "a coroutine": lambda _: late(Opened()),
    "raises": lambda _: 1 // 0,
    "opens nothing": lambda _: Empty(),
    "a str": lambda _: Opened("hello"),
    "raises inside": lambda _: Opened(Chunk(model="m"), KeyError("choices")),
}


@pytest.mark.parametrize("wrong", STREAMS)
async def test_whatever_a_stream_does_before_its_first_content_is_invisible(wrong: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        odd = Odd(InChunks(STREAMS[wrong]))
        async with client(odd, ScriptedProvider("next", answer("fine"))) as opened:
            done = await ask(opened, streamed=True)
    assert done.text == "fine"
    assert done.attempts[0].error == "plugin"


@pytest.mark.parametrize("chunk", ["a str", None, ValueError("inside")])
async def test_what_a_stream_does_after_its_first_content_is_a_plugin_error(chunk: object) -> None:
    odd = Odd(InChunks(lambda _: Opened(Chunk(text="Once"), chunk)))
    async with client(odd, ScriptedProvider("next")) as opened:
        with pytest.raises(PluginError, match="odd-plugin"):
            await ask(opened, streamed=True)
        rows = await opened.usage(0, 2e10)
    assert (rows[0].requests, rows[0].held, rows[0].completion_tokens > 0) == (1, 0, True)


@pytest.mark.parametrize("leaving", [RuntimeError("stuck"), TimeoutError(), Overloaded("late", provider="odd")])
async def test_an_answer_is_not_lost_to_a_stream_that_can_not_be_closed(leaving: Exception) -> None:
    chunks = (Chunk(text="Once", model="m"), Chunk(finish_reason="stop"))
    odd = Odd(InChunks(lambda _: Opened(*chunks, leaving=leaving)))
    async with client(odd) as opened:
        done = await ask(opened, streamed=True)
    assert done.text == "Once"
    assert "odd-plugin" in done.warnings[0]


async def test_a_mistake_of_the_caller_is_none_of_the_plugin() -> None:
    odd = Odd(Whole(lambda _: late(UsageError("temperature"))))
    async with client(odd, ScriptedProvider("next")) as opened:
        with pytest.raises(UsageError, match="temperature"):
            await opened.complete("hello")


class Wordless(Exception):
    """One whose words can't be had."""

    @override
    def __str__(self) -> str:
        raise RuntimeError("no words")


RAISED = {
    "KeyError: 'inside'": ExceptionGroup("unhandled", [ExceptionGroup("deeper", [KeyError("inside")])]),
    "Wordless": Wordless(),
    "SystemExit: 3": SystemExit(3),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("words", RAISED)
async def test_the_one_thing_that_was_raised_is_named_and_ends_nothing(words: str, *, streamed: bool) -> None:
    """A group of exceptions says nothing, one without words says its kind, and nobody's process is ended."""

    def bad(_: Call) -> Any:
        raise RAISED[words]

    async with client(Odd(InChunks(bad) if streamed else Whole(bad))) as alone:
        with pytest.raises(PluginError, match=f"raised {words}\nhint: "):
            await ask(alone, streamed=streamed)
    async with client(Odd(InChunks(bad) if streamed else Whole(bad)), ScriptedProvider("next", answer("fine"))) as two:
        assert (await ask(two, streamed=streamed)).text == "fine"
