"""``shunpike chat``, and what ``shunpike`` alone means on a terminal."""

from __future__ import annotations

import sys

import typer
from anyio.from_thread import start_blocking_portal

from shunpike.cli.answer import AnswerDisplay
from shunpike.cli.asking import Asking, conversation_of, options_of
from shunpike.cli.attachments import STDIN, attached
from shunpike.cli.chat.commands import OFFERED
from shunpike.cli.chat.completion import Completer
from shunpike.cli.chat.lines import open_lines
from shunpike.cli.chat.loop import talk_on
from shunpike.cli.chat.talk import Talk
from shunpike.cli.options import command_app, takes
from shunpike.cli.output import kept_for_data, narrate
from shunpike.cli.request_fields import PairedOptions
from shunpike.cli.session import check_provider, client
from shunpike.cli.waiting import say_waits
from shunpike.errors import UsageError

app = command_app("Talk, with memory.")


@app.command(cls=PairedOptions)
@takes(Asking)
def chat(given: Asking) -> None:
    """Talk, with memory: Ctrl-C stops an answer, Ctrl-D or /quit leaves, /help tells more."""
    options = options_of(given)
    if STDIN in (given.attach or ()):
        raise UsageError("chat reads what is said from stdin: -a - can't be read too", hint="name a file: -a FILE")
    parts = attached(given.attach or ())
    conversation = conversation_of(given)
    look = AnswerDisplay(stream=not given.no_stream, quiet=given.quiet, markdown=given.markdown)
    # The loop lives in a thread, so that Ctrl-C reaches the terminal's side and cancels one answer, not the session.
    with kept_for_data(), start_blocking_portal() as portal, portal.wrap_async_context_manager(client()) as opened:
        for name in conversation.providers:
            check_provider(name, opened)
        if not given.quiet:
            say_waits(opened)
            narrate("Ctrl-C stops an answer, Ctrl-D or /quit leaves, /help tells more.", dim=True)
        talk = Talk(portal, opened, options, look, conversation)
        talk.attachments += parts
        if given.go_on:
            talk.tell_where_it_was()
        talk_on(talk, open_lines(Completer(OFFERED, talk.model_names)))
    if talk.failures and not sys.stdin.isatty():
        raise typer.Exit(talk.failures[-1])
