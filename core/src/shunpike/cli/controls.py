"""What commands share that change something for running processes: the store of it, and who signs."""

from __future__ import annotations

from typing import Annotated

import typer

from shunpike.cli.operator import operator
from shunpike.client import Client
from shunpike.client.own_values import clean
from shunpike.control import ControlStore, MemoryControl
from shunpike.errors import ConfigError
from shunpike.types.control import REASON_LENGTH, Signature

Reason = Annotated[str, typer.Option(help="Why; it is kept, and shown to whoever asks.")]
Reset = Annotated[bool, typer.Option("--reset", help="Take it back: files and variables hold again.")]


def control_in(opened: Client, instead: str) -> ControlStore:
    """Return where changes are kept. Raises `ConfigError`, with what to do ``instead``, where nobody would see them."""
    control = opened.runtime.control
    if control is None or isinstance(control, MemoryControl):
        raise ConfigError("this store keeps no switches that another process sees", hint=instead)
    return control


def signed_now(opened: Client, reason: str) -> Signature:
    """Return who changes something now, and why."""
    return Signature(at=opened.clock.now(), who=operator(), why=clean(reason, "--reason", REASON_LENGTH))


def is_json(context: typer.Context, json: bool) -> bool:
    """Return whether a command, or the group that it is of, is asked for JSON."""
    return json or bool(context.parent and context.parent.params.get("json"))
