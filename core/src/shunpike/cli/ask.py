"""``shunpike ask``, and what ``shunpike "question"`` means."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from shunpike.cli.answer import answer
from shunpike.cli.dispatch import stdin_is_piped
from shunpike.cli.options import Batch, Deadline, Json, NoWait, Tag, command_app, takes
from shunpike.cli.output import as_json, plain
from shunpike.cli.patience import add_shared
from shunpike.cli.session import check_provider, client, run
from shunpike.cli.waiting import say_waits
from shunpike.client import Options
from shunpike.errors import UsageError
from shunpike.types import Completion

app = command_app("Ask a question; what comes in on stdin is put before it.")


@dataclass(frozen=True)
class Ask:
    """The options of ``ask``."""

    words: Annotated[list[str] | None, typer.Argument(metavar="QUESTION", help="The question.")] = None
    model: Annotated[str, typer.Option("--model", "-m", help="auto, PROVIDER/auto, PROVIDER/ID or an ID.")] = "auto"
    system: Annotated[str | None, typer.Option("--system", "-s", help="How to answer.")] = None
    provider: Annotated[list[str] | None, typer.Option("--provider", "-p", help="Only this one; repeatable.")] = None
    strategy: Annotated[str | None, typer.Option(help="How to choose between providers.")] = None
    max_tokens: Annotated[int | None, typer.Option(help="At most so many tokens of answer.", min=1)] = None
    temperature: Annotated[float | None, typer.Option(help="How varied the answer may be.", min=0, max=2)] = None
    json_mode: Annotated[bool, typer.Option("--json-mode", help="The answer must be a JSON object.")] = False
    schema: Annotated[Path | None, typer.Option(help="The answer must fit the JSON schema in this file.")] = None
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Wait for the whole answer.")] = False
    deadline: Deadline = None
    no_wait: NoWait = False
    batch: Batch = False
    tag: Tag = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No footer.")] = False
    json: Json = False


@app.command()
@takes(Ask)
def ask(given: Ask) -> None:
    """Ask a question; what comes in on stdin is put before it. The word `ask` may be left out."""
    prompt = compose(" ".join(given.words or ()), piped())
    options = options_of(given)
    run(lambda: _ask(given, prompt, options))


async def _ask(given: Ask, prompt: str, options: Options) -> None:
    async with client() as opened:
        for name in given.provider or ():
            check_provider(name, opened)
        if not given.quiet:
            say_waits(opened, scripted=given.json)
        if given.json:
            as_json(as_object(await opened.settled(await opened.complete(prompt, **options))))
        else:
            await answer(opened, prompt, options, stream=not given.no_stream, quiet=given.quiet)


def compose(question: str, given: str) -> str:
    """Return the prompt: what was piped in, then the question. Raises `UsageError` when both are empty."""
    parts = [part for part in (given.strip("\n"), question) if part.strip()]
    if not parts:
        raise UsageError("the prompt is empty", hint='say something: shunpike "What is a shunpike?"')
    prompt = "\n\n".join(parts)
    if any("\ud800" <= character <= "\udfff" for character in prompt):
        # What Python makes of bytes on the command line that are not text.
        raise UsageError("the question is not UTF-8 text", hint="check the terminal's encoding: locale")
    return prompt


def piped() -> str:
    """Return what came in on stdin, nothing where a person sits. Raises `UsageError`."""
    if not stdin_is_piped():
        return ""
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"what came in on stdin is not UTF-8 text (byte {error.start})", hint="convert it first: iconv -t UTF-8"
        ) from None


def options_of(given: Ask) -> Options:
    """Return the options of the call. Raises `UsageError` naming what can't be."""
    options: Options = {"model": given.model}
    if given.system:
        options["system"] = given.system
    if given.strategy:
        options["strategy"] = given.strategy
    if given.max_tokens is not None:
        options["max_tokens"] = given.max_tokens
    if given.temperature is not None:
        options["temperature"] = given.temperature
    add_shared(options, given)
    shape = _shape(given)
    if shape is not None:
        options["response_format"] = shape
    return options


def _shape(given: Ask) -> dict[str, Any] | None:
    if given.json_mode and given.schema is not None:
        raise UsageError("--json-mode and --schema ask for different things", hint="use --schema alone")
    if given.schema is not None:
        return schema_format(given.schema)
    return {"type": "json_object"} if given.json_mode else None


def schema_format(path: Path) -> dict[str, Any]:
    """Return the ``response_format`` for the JSON schema in ``path``. Raises `UsageError` naming the file."""
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--schema {path}: {error.strerror}", hint="name a file that holds a JSON schema") from None
    except ValueError as error:
        raise UsageError(f"--schema {path} is not JSON: {error}", hint="name a file that holds a JSON schema") from None
    if not isinstance(schema, dict):
        raise UsageError(f"--schema {path} holds no JSON object", hint='a schema begins with {"type": "object", …}')
    name = re.sub(r"[^A-Za-z0-9_-]", "_", path.stem)[:64] or "answer"
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}}


def as_object(completion: Completion) -> dict[str, Any]:
    """Return the answer as JSON types: the text first, then where it came from and how it was decided."""
    first = completion.choices[0]
    return {
        "text": completion.text,
        "finish_reason": first.finish_reason,
        **{name: item for name, item in plain(completion).items() if name != "choices"},
        "message": plain(first.message),
    }
