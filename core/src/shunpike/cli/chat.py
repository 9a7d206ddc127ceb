"""``shunpike chat``: a conversation with memory."""

from __future__ import annotations

import sys
from concurrent.futures import CancelledError
from typing import Annotated

import typer
from anyio.from_thread import BlockingPortal, start_blocking_portal

from shunpike.cli.answer import answer
from shunpike.cli.ending import ended_by
from shunpike.cli.options import command_app
from shunpike.cli.output import narrate
from shunpike.cli.report import report
from shunpike.cli.session import check_provider, client
from shunpike.cli.waiting import say_waits
from shunpike.client import Client, Options
from shunpike.errors import ShunpikeError
from shunpike.types import Message

app = command_app("Talk, with memory.")
_LEAVE = frozenset({"/exit", "/quit"})


@app.command()
def chat(
    model: Annotated[str, typer.Option("--model", "-m", help="auto, PROVIDER/auto, PROVIDER/ID or an ID.")] = "auto",
    system: Annotated[str | None, typer.Option("--system", "-s", help="How to answer.")] = None,
    provider: Annotated[list[str] | None, typer.Option("--provider", "-p", help="Only this one; repeatable.")] = None,
) -> None:
    """Talk, with memory: Ctrl-C stops an answer, Ctrl-D or /exit leaves, /new forgets."""
    options: Options = {"model": model}
    if system:
        options["system"] = system
    if provider:
        options["providers"] = tuple(provider)
    # The loop lives in a thread, so that Ctrl-C reaches the terminal's side and cancels one answer, not the session.
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(client()) as opened:
        for name in provider or ():
            check_provider(name, opened)
        say_waits(opened)
        narrate("Ctrl-C stops an answer, Ctrl-D or /exit leaves, /new forgets.", dim=True)
        _talk(portal, opened, options)


def _talk(portal: BlockingPortal, opened: Client, options: Options) -> None:
    history: list[Message] = []
    while (line := _line()) is not None:
        if line in _LEAVE:
            return
        if line == "/new":
            history.clear()
        elif line.strip():
            history = _turn(portal, opened, [*history, Message(role="user", content=line)], options)


def _line() -> str | None:
    """Return what is typed, None at the end of the input."""
    try:
        narrate("> " if sys.stdin.isatty() else "", end="")
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        if ended_by() is not None:
            raise
        narrate()
        return ""
    if not line:
        narrate()
        return None
    return line.rstrip("\n")


def _turn(portal: BlockingPortal, opened: Client, messages: list[Message], options: Options) -> list[Message]:
    """Answer the last message; return the conversation, without the question when it got no answer."""

    async def ask() -> Message:
        done = await answer(opened, messages, options, stream=True, quiet=False)
        return done.choices[0].message

    future = portal.start_task_soon(ask)
    try:
        return [*messages, future.result()]
    except KeyboardInterrupt:
        future.cancel()
        portal.call(_nothing)
        if ended_by() is not None:
            raise
        narrate("\n(stopped)")
    except CancelledError:
        narrate("\n(stopped)")
    except ShunpikeError as error:
        report(error, as_json=False)
    return messages[:-1]


async def _nothing() -> None:
    """Let the loop turn once, so that a cancelled answer has closed its connection and settled."""
