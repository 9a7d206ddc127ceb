"""Shows an answer as it comes: text on stdout, thinking and the footer on stderr."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from shunpike.cli.forms import footer
from shunpike.cli.output import data, narrate, safe, say, styled
from shunpike.cli.session import tell_complaints
from shunpike.cli.spinner import Spinner
from shunpike.client import Client, Options
from shunpike.client.options import Prompt
from shunpike.client.stream import Stream
from shunpike.runtime.account_queries import Done
from shunpike.types import Candidate, Cause, Completion, Embedding, Verdict

LABEL = "[sandbox] "
_MARK = f"{LABEL}no model wrote this: it comes from shunpike's built-in offline sandbox"


@dataclass(frozen=True)
class AnswerDisplay:
    """How an answer is shown."""

    stream: bool = True
    quiet: bool = False
    markdown: bool = True
    """Whether Markdown is rendered where it is read on a terminal."""
    as_data: bool = False
    """Whether a program reads it: then a sandbox's answer is labelled on stderr, not in the text."""
    spoken: list[str] = field(default_factory=list)
    """Gets the text as it comes, for who stops the answer before its end."""


class Page(Protocol):
    """What text is written on, bit by bit."""

    def feed(self, text: str) -> None:
        """Write more of it."""

    def pause(self) -> None:
        """Leave the cursor where something else can be written."""

    def end(self) -> None:
        """Write what is still held back, and end the line."""


class PlainPage:
    """Text as it is; on a terminal without what would drive it."""

    def __init__(self) -> None:
        self._clean = data().isatty()
        self._open = False

    def feed(self, text: str) -> None:
        """Write ``text`` at once."""
        say(safe(text) if self._clean else text, end="")
        self._open = not text.endswith("\n")

    def pause(self) -> None:
        """Stay where the text ends."""

    def end(self) -> None:
        """End the line."""
        if self._open:
            say()


def new_page(*, markdown: bool) -> Page:
    """Return a page that renders Markdown, where that is wanted and stdout is a terminal; else a plain one."""
    if not (markdown and styled(data())):
        return PlainPage()
    from shunpike.cli.markdown import MarkdownPage

    return MarkdownPage(data())


class _Printer:
    """Keeps text and thinking on lines of their own; ``begin`` is called before the first of them."""

    def __init__(self, page: Page, begin: Callable[[], None], *, as_data: bool) -> None:
        self._page = page
        self._as_data = as_data
        self._begin = begin
        self._begun = False
        self._thinking = False

    def thinking(self, text: str) -> None:
        if text:
            self._begin()
            self._page.pause()
            self._thinking = True
            narrate(safe(text), end="", dim=True)

    def text(self, text: str, *, simulated: bool) -> None:
        if not text:
            return
        self._begin()
        if self._thinking:
            self._thinking = False
            narrate()
        if not self._begun:
            self._begun = True
            if simulated and self._as_data:
                narrate(_MARK)  # inside JSON a label would break it
            elif simulated and not text.startswith(LABEL.strip()):
                text = LABEL + text
        self._page.feed(text)

    def end(self) -> None:
        if self._thinking:
            narrate()
        self._page.end()


async def show_stream(stream: Stream, look: AnswerDisplay, spinner: Spinner) -> Completion:
    """Write the chunks of an entered stream; return the whole answer. A sandbox's answer is labelled."""
    printer = _Printer(new_page(markdown=look.markdown and not look.as_data), spinner.stop, as_data=look.as_data)
    try:
        async for chunk in stream:
            printer.thinking(chunk.reasoning)
            printer.text(chunk.text or chunk.refusal, simulated=stream.simulated)
            look.spoken.append(chunk.text)
    finally:
        spinner.stop()
        printer.end()
    return stream.completion


def show_whole(completion: Completion, look: AnswerDisplay) -> None:
    """Write an answer that came in one chunk."""
    printer = _Printer(new_page(markdown=look.markdown and not look.as_data), lambda: None, as_data=look.as_data)
    message = completion.choices[0].message
    printer.thinking(message.reasoning or "")
    printer.text(message.text or message.refusal or "", simulated=completion.simulated)
    printer.end()


async def answer(client: Client, prompt: Prompt, options: Options, look: AnswerDisplay) -> Completion:
    """Ask, show the answer and its footer, and return it."""
    look = replace(look, as_data=options.get("response_format") is not None)
    with Spinner() as spinner:
        if look.stream:
            async with client.stream(prompt, **options) as opened:
                completion = await show_stream(opened, look, spinner)
        else:
            completion = await client.complete(prompt, **options)
            spinner.stop()
            show_whole(completion, look)
    show_warnings(completion)
    if not look.quiet:
        await show_footer(client, completion)
    tell_complaints(client)
    return completion


async def show_footer(client: Client, completion: Done) -> None:
    """Write where the answer came from and, for a sandbox, how to get a real one."""
    narrate()
    narrate(safe(footer(await client.settled(completion))), dim=True)
    passed = {one.provider: one.reason for one in completion.decision.candidates if _is_broken(one)}
    for name, reason in passed.items():
        narrate(f"note: {name} could not be asked: {safe(reason)}   ·   see: shunpike doctor")
    if completion.simulated:
        narrate(f"hint: {await real_provider_hint(client)}")


def _is_broken(candidate: Candidate) -> bool:
    """Whether it was its turn, and nothing could be sent for its plugin or a setting of it."""
    return candidate.verdict is Verdict.DROPPED and candidate.cause is Cause.CONFIG and candidate.model != "*"


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


def show_warnings(completion: Completion | Embedding) -> None:
    """Write what is wrong with an answer, however quiet it shall be: nothing is cut or dropped in silence."""
    for warning in completion.warnings:
        narrate(f"warning: {safe(warning)}")
