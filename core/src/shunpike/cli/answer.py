"""Shows an answer as it comes: text on stdout, thinking and the footer on stderr."""

from __future__ import annotations

from shunpike.cli.forms import footer
from shunpike.cli.output import data, narrate, safe, say, styled
from shunpike.client import Client, Options
from shunpike.client.options import Prompt
from shunpike.client.stream import Stream
from shunpike.types import Completion

LABEL = "[sandbox] "


async def show_stream(stream: Stream) -> Completion:
    """Write the pieces of an entered stream; return the whole answer. A sandbox's answer is labelled."""
    printer = _Printer()
    try:
        async for piece in stream:
            printer.thinking(piece.reasoning)
            printer.text(piece.text or piece.refusal, simulated=stream.simulated)
    finally:
        printer.end()
    return stream.completion


class _Printer:
    """Keeps text and thinking on lines of their own."""

    def __init__(self) -> None:
        self._clean = styled(data())
        self._begun = False
        self._open = False
        self._thinking = False

    def thinking(self, text: str) -> None:
        if text:
            self._thinking = True
            narrate(safe(text), end="", dim=True)

    def text(self, text: str, *, simulated: bool) -> None:
        if not text:
            return
        if self._thinking:
            self._thinking = False
            narrate()
        if not self._begun:
            self._begun = True
            say(LABEL if simulated and not text.startswith(LABEL.strip()) else "", end="")
        say(safe(text) if self._clean else text, end="")
        self._open = not text.endswith("\n")

    def end(self) -> None:
        if self._thinking:
            narrate()
        if self._open:
            say()


def show_whole(completion: Completion) -> None:
    """Write an answer that came in one piece."""
    printer = _Printer()
    message = completion.choices[0].message
    printer.thinking(message.reasoning or "")
    printer.text(message.text or message.refusal or "", simulated=completion.simulated)
    printer.end()


async def show_footer(client: Client, completion: Completion) -> None:
    """Write where the answer came from and, for a sandbox, how to get a real one."""
    narrate()
    narrate(safe(footer(await client.settled(completion))), dim=True)
    if completion.simulated:
        narrate(f"hint: {await real_provider_hint(client)}")


async def real_provider_hint(client: Client) -> str:
    """Return the command that adds a real provider, the first one with a free tier."""
    rows = await client.status()
    spoilt = next((row for row in rows if row.key_problem is not None and row.enabled), None)
    if spoilt is not None:
        return f"{spoilt.key_problem}: {spoilt.key_hint}"
    free = [row for row in rows if not row.simulated and row.key_tail is None and row.billing == "none"]
    if not free:
        return "add a real provider: shunpike keys set NAME     (shunpike providers)"
    first = min(free, key=lambda row: row.order)
    page = f"     (get a key: {first.key_url})" if first.key_url else ""
    return f"add a free provider: shunpike keys set {first.name}{page}"


async def answer(client: Client, prompt: Prompt, options: Options, *, stream: bool, quiet: bool) -> Completion:
    """Ask, show the answer and its footer, and return it."""
    if stream:
        async with client.stream(prompt, **options) as opened:
            completion = await show_stream(opened)
    else:
        completion = await client.complete(prompt, **options)
        show_whole(completion)
    show_warnings(completion)
    if not quiet:
        await show_footer(client, completion)
    return completion


def show_warnings(completion: Completion) -> None:
    """Write what is wrong with an answer, however quiet it shall be: nothing is cut or dropped in silence."""
    for warning in completion.warnings:
        narrate(f"warning: {safe(warning)}")
