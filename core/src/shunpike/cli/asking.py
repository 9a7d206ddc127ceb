"""What `ask` and `chat` alike may be told, and the call that it makes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from shunpike.cli.conversation import Conversation, last_conversation
from shunpike.cli.options import Batch, MaxWait, NoPaid, NoWait, Tag, Timeout
from shunpike.cli.patience import add_shared
from shunpike.cli.request_fields import fields
from shunpike.client import Options
from shunpike.errors import UsageError


@dataclass(frozen=True)
class Asking:
    """The options of `ask` and `chat`."""

    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="auto (default), PROVIDER/auto, PROVIDER/ID, an ID or alias."),
    ] = None
    system: Annotated[str | None, typer.Option("--system", "-s", help="How to answer.")] = None
    provider: Annotated[list[str] | None, typer.Option("--provider", "-p", help="Only this one; repeatable.")] = None
    attach: Annotated[
        list[str] | None, typer.Option("--attach", "-a", metavar="FILE", help="An image or a text file; repeatable.")
    ] = None
    go_on: Annotated[bool, typer.Option("--continue", "-c", help="Go on with the last conversation.")] = False
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME VALUE", help="A field such as temperature or seed; repeatable."),
    ] = None
    no_training: Annotated[
        bool, typer.Option("--no-training", help="Ask nobody who may use the prompt for training.")
    ] = False
    strict: Annotated[
        bool, typer.Option("--strict", help="Only the model that is named, with every option honoured.")
    ] = False
    strategy: Annotated[str | None, typer.Option(help="How to choose between providers.")] = None
    max_tokens: Annotated[int | None, typer.Option(help="At most so many tokens of answer.", min=1)] = None
    temperature: Annotated[float | None, typer.Option(help="How varied the answer may be.", min=0, max=2)] = None
    json_mode: Annotated[bool, typer.Option("--json-mode", help="The answer must be a JSON object.")] = False
    schema: Annotated[Path | None, typer.Option(help="The answer must fit the JSON schema in this file.")] = None
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Wait for the whole answer.")] = False
    no_markdown: Annotated[bool, typer.Option("--no-markdown", help="Show Markdown as it was written.")] = False
    no_save: Annotated[bool, typer.Option("--no-save", help="Keep no conversation for --continue.")] = False
    timeout: Timeout = None
    no_wait: NoWait = False
    max_wait: MaxWait = None
    no_paid: NoPaid = False
    batch: Batch = False
    tag: Tag = None
    session: Annotated[
        str | None,
        typer.Option(help="Name of the conversation: within this process it stays where it was answered last."),
    ] = None
    task: Annotated[str | None, typer.Option(help="What it is about, where that is not the tag.")] = None
    min_quality: Annotated[
        float | None, typer.Option(help="Only models that are known to be so good, from 0 to 1.", min=0, max=1)
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No footer.")] = False

    @property
    def markdown(self) -> bool:
        """Whether an answer is Markdown that may be rendered: JSON is not."""
        return not (self.no_markdown or self.json_mode or self.schema is not None)


_AS_SAID = ("strategy", "max_tokens", "temperature", "session", "task", "min_quality")
"""The options that a call takes by the same name, as they are."""


def options_of(given: Asking) -> Options:
    """Return the options of the call, without what its conversation holds. Raises `UsageError` for what can't be."""
    said: Any = {name: getattr(given, name) for name in _AS_SAID if getattr(given, name) not in (None, "")}
    options: Options = said
    if given.strict:
        options["strict"] = True
    if given.no_training:
        options["no_training"] = True
    add_shared(options, given)
    options.pop("providers", None)
    shape = _shape(given)
    if shape is not None:
        options["response_format"] = shape
    named: Any = fields(given.option or ())
    for name in options.keys() & named.keys():
        raise UsageError(f"{name} is given twice", hint=f"leave -o {name} away, or the option of its own")
    return {**options, **named}


def conversation_of(given: Asking) -> Conversation:
    """Return the conversation to go on with, or a new one. Raises `UsageError` where there is none to go on with."""
    opened = last_conversation() if given.go_on else Conversation()
    opened.model = given.model or opened.model
    opened.system = opened.system if given.system is None else given.system
    opened.providers = opened.providers if given.provider is None else tuple(given.provider)
    # Nobody goes on with what nobody waits for.
    opened.keep = not (given.no_save or given.batch)
    return opened


def in_conversation(options: Options, conversation: Conversation) -> Options:
    """Return ``options`` with the model, the providers and the system message of ``conversation``."""
    asked: Options = {**options}
    if conversation.model:
        asked["model"] = conversation.model
    if conversation.system:
        asked["system"] = conversation.system
    if conversation.providers:
        asked["providers"] = conversation.providers
    return asked


def check_text(text: str, what: str) -> None:
    """Raise `UsageError` where ``text`` holds what Python makes of bytes that are not text."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(f"{what} is not UTF-8 text", hint="check the terminal's encoding: locale")


def _shape(given: Asking) -> dict[str, Any] | None:
    if given.json_mode and given.schema is not None:
        raise UsageError("--json-mode and --schema ask for different things", hint="use --schema alone")
    if given.schema is not None:
        return schema_format(given.schema)
    return {"type": "json_object"} if given.json_mode else None


def schema_format(path: Path) -> dict[str, Any]:
    """Return the ``response_format`` for the JSON schema in ``path``. Raises `UsageError` naming the file."""
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"--schema {path}: {error.strerror}", hint="name a file that holds a JSON schema") from None
    except ValueError as error:
        raise UsageError(f"--schema {path} is not JSON: {error}", hint="name a file that holds a JSON schema") from None
    if not isinstance(schema, dict):
        raise UsageError(f"--schema {path} holds no JSON object", hint='a schema begins with {"type": "object", …}')
    name = re.sub(r"[^A-Za-z0-9_-]", "_", path.stem)[:64] or "answer"
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}}
