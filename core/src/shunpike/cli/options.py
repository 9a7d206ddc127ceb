"""Options that several commands share, and commands with more options than a function should have parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; errors as JSON on stderr.")]

Batch = Annotated[bool, typer.Option("--batch", help="Nobody waits for it: leave what is reserved for persons.")]

Tag = Annotated[str | None, typer.Option("--tag", help="A word to book the usage under; at most 64 characters.")]

Timeout = Annotated[str | None, typer.Option("--timeout", help="Give up after 90s, 5m, 6h.")]

NoWait = Annotated[bool, typer.Option("--no-wait", help="Fail at once where a limit is full.")]

MaxWait = Annotated[str | None, typer.Option("--max-wait", help="Wait for a full limit at most 20s, 5m, 6h.")]

NoPaid = Annotated[bool, typer.Option("--no-paid", help="Ask nothing that costs money, whatever the settings allow.")]

Watch = Annotated[bool, typer.Option("--watch", help="Show it again every two seconds, until Ctrl-C.")]


def command_app(help_text: str) -> typer.Typer:
    """Return the Typer application of one command or group, all of the same plain style."""
    return typer.Typer(help=help_text, rich_markup_mode=None, add_completion=False, no_args_is_help=False)


def takes(record: Callable[..., T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """Make a command whose options are the fields of the dataclass ``record``, which it gets filled in."""
    hints = get_type_hints(record, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(record)  # type: ignore[arg-type]  # a dataclass is asked for, which Callable can't say
    ]

    def decorate(command: Callable[[T], None]) -> Callable[..., None]:
        def entry(**values: Any) -> None:
            command(record(**values))

        entry.__doc__ = command.__doc__
        entry.__name__ = command.__name__
        entry.__annotations__ = hints
        vars(entry)["__signature__"] = inspect.Signature(parameters)
        return entry

    return decorate
