"""What is typed, line after line: a command is done here, anything else is said."""

from __future__ import annotations

from shunpike.cli.asking import check_text
from shunpike.cli.chat.commands import command_of
from shunpike.cli.chat.interrupts import KeptInterrupts, OnInterrupt
from shunpike.cli.chat.lines import Lines
from shunpike.cli.chat.talk import Talk
from shunpike.cli.ending import ended_by
from shunpike.cli.output import narrate
from shunpike.cli.report import report
from shunpike.errors import ShunpikeError


def talk_on(talk: Talk, lines: Lines) -> None:
    """Answer message after message until the end of them, or until somebody leaves."""
    kept = KeptInterrupts()
    with OnInterrupt(kept.pressed):
        while True:
            try:
                kept.let_through()
                text = lines.read()
                if text is None:
                    narrate()
                    return
                if not _take(talk, text):
                    return
            except KeyboardInterrupt:
                kept.keep()
                if talk.left or ended_by() is not None:
                    raise
                narrate()


def _take(talk: Talk, text: str) -> bool:
    """Do what ``text`` says; False to leave."""
    if not text.strip():
        return True
    try:
        check_text(text, "the message")
        command = command_of(text)
        if command is not None:
            return command(talk)
    except (ShunpikeError, OSError) as error:
        talk.failures.append(report(error, as_json=False))
        return True
    talk.say(text.removeprefix("/") if text.startswith("//") else text)
    return True
