"""What was said, and where it is kept for ``--continue``: one file a conversation, readable by its owner only."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from shunpike.cli.output import narrate
from shunpike.clock import Clock, SystemClock, moment
from shunpike.config.places import conversations_folder
from shunpike.errors import UsageError
from shunpike.masking import masked
from shunpike.private_file import write_private
from shunpike.types import Message
from shunpike.types.base import Record
from shunpike.validation import about

KEPT = 20
"""Conversations: what is older than the newest of them is deleted."""
_NOTHING_NEW = "begin a new one: leave -c away"


class Kept(Record):
    """A conversation as its file has it."""

    version: Literal[1] = 1
    model: str | None = None
    system: str | None = None
    providers: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()


@dataclass
class Conversation:
    """The messages, without the system message, and what they were asked with.

    Each process writes files of its own only, so that two that continue the same one lose nothing.
    """

    model: str | None = None
    system: str | None = None
    providers: tuple[str, ...] = ()
    messages: list[Message] = field(default_factory=list)
    keep: bool = True
    """Whether it is written to a file."""
    silent: bool = False
    """Whether stderr is read by a program, which takes what stands there for an error."""
    folder: Path = field(default_factory=conversations_folder)
    clock: Clock = field(default_factory=SystemClock)
    continued: Path | None = None
    """The file of the one that it goes on with, until it has one of its own."""
    _file: Path | None = None

    def said(self, question: Message, answer: Message) -> None:
        """Add a question and its answer, and keep them. A failure to keep is told, and costs no answer."""
        self.messages += [question, answer]
        self.save()

    @property
    def name(self) -> str:
        """What a file for it may be called."""
        return f"shunpike-chat-{moment(self.clock.now()):%Y%m%d-%H%M%S}.md"

    def clear(self) -> None:
        """Begin anew, with the same model and system message; what was kept stays kept."""
        self.messages.clear()
        self._file = self.continued = None

    def save(self) -> None:
        """Write the file anew, at once and whole; what it continues goes, as all of it is in here."""
        if not self.keep or not self.messages:
            return
        kept = Kept(
            model=self.model, system=self.system, providers=self.providers, messages=tuple(self.messages)
        ).model_dump(mode="json", exclude_none=True)
        file = self._file or self.folder / f"{int(self.clock.now() * 1000):014d}-{secrets.token_hex(4)}.json"
        try:
            write_private(file, masked(json.dumps(kept, ensure_ascii=False)))
            self._file = file
            if self.continued is not None:
                self.continued.unlink(missing_ok=True)
                self.continued = None
            for old in _newest_first(self.folder)[KEPT:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            self.keep = False
            if not self.silent:
                narrate(f"warning: the conversation can't be kept in {self.folder}: {error.strerror}")
                narrate("hint: --no-save keeps none")


def last_conversation(folder: Path | None = None) -> Conversation:
    """Return the conversation in which something was said last. Raises `UsageError` where there is none to go on with.

    Naming the file, also where it can't be read.
    """
    place = conversations_folder() if folder is None else folder
    found = _newest_first(place)
    if not found:
        raise UsageError("there is no conversation to continue", hint="begin one: shunpike chat")
    try:
        kept = Kept.model_validate_json(found[0].read_bytes())
    except OSError as error:
        raise UsageError(f"{found[0]} can't be read: {error.strerror}", hint=_NOTHING_NEW) from None
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(
            f"{found[0]} is not a conversation: {about(wrong)}", hint=f"delete that file   ·   or {_NOTHING_NEW}"
        ) from None
    return Conversation(
        model=kept.model,
        system=kept.system,
        providers=kept.providers,
        messages=list(kept.messages),
        folder=place,
        continued=found[0],
    )


def transcript(messages: Sequence[Message]) -> str:
    """Return the conversation as Markdown."""
    titles = {"user": "You", "assistant": "Answer"}
    return "\n".join(f"## {titles.get(one.role, one.role)}\n\n{one.text.strip()}\n" for one in messages)


def write_new(file: Path, text: str) -> None:
    """Write ``text`` to a file that must not be there yet, readable by its owner only. Raises `OSError`."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)


def _newest_first(folder: Path) -> list[Path]:
    aged: list[tuple[int, str, Path]] = []
    for file in folder.glob("*.json"):
        with suppress(FileNotFoundError):  # another process has just deleted it
            aged.append((file.stat().st_mtime_ns, file.name, file))
    return [file for _, _, file in sorted(aged, reverse=True)]
