"""``shunpike providers order`` and ``shunpike limits set``: what is preferred, and bounded, while processes run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from shunpike.cli.controls import Reason, Reset, control_in, is_json, signed_now
from shunpike.cli.options import Json
from shunpike.cli.output import as_json, narrate, plain
from shunpike.cli.session import check_provider, client, run
from shunpike.config.shapes import limits as read_limits
from shunpike.errors import ConfigError, UsageError, said
from shunpike.types import Cap, Limit
from shunpike.types.control import Change, Controls, ControlSetting, Subject

_EXAMPLE = 'such as "30 request per 60s", "500 request per day UTC", "4 concurrent" or "80%"'

Given = Annotated[list[str] | None, typer.Argument(metavar="LIMIT...", help=f"All of its own limits, {_EXAMPLE}.")]


def order(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Providers, the preferred first.")] = None,
    *,
    reset: Reset = False,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Prefer the providers in this order, from within a second on, in every process that shares this ledger.

    Those that are not named come after them. What is free still comes before all that costs money.
    """
    _check(bool(names), reset, "shunpike providers order NAME...")
    done = run(lambda: _order(names or [], reason))
    if is_json(context, json):
        as_json({"order": None if reset else names, "revision": done.revision})
    else:
        narrate(
            "the order is that of the settings again" if reset else f"preferred in this order: {', '.join(names or ())}"
        )


async def _order(names: Sequence[str], reason: str) -> Controls:
    async with client() as opened:
        for name in names:
            check_provider(name, opened)
        if len({*names}) < len(names):
            raise UsageError(f"a provider is named twice: {', '.join(names)}")
        control = control_in(opened, "name it in a file: order = [...]")
        change = Change(subject=Subject.EVERYTHING, setting=ControlSetting.ORDER, value=list(names) or None)
        return await control.change([change], signed_now(opened, reason))


def set_limits(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="PROVIDER or section, as `shunpike providers` shows it.")],
    given: Annotated[
        list[str] | None, typer.Argument(metavar="LIMIT...", help=f"All of its own limits, {_EXAMPLE}.")
    ] = None,
    *,
    reset: Reset = False,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Hold NAME to these limits of your own, from within a second on, in every process that shares this ledger.

    They take the place of those that its section of the settings names; what the provider grants holds beside them.
    """
    _check(bool(given), reset, f"shunpike limits set NAME LIMIT..., {_EXAMPLE}")
    limits = read(given or [])
    done = run(lambda: _set_limits(name, limits, reason))
    if is_json(context, json):
        told = None if reset else [plain(one) for one in limits]
        as_json({"name": name, "limits": told, "revision": done.revision})
    elif reset:
        narrate(f"the limits of {name} are those of the settings again")
    else:
        narrate(f"{name} is held to: {', '.join(one.text for one in limits)}")


async def _set_limits(name: str, limits: Sequence[Limit | Cap], reason: str) -> Controls:
    async with client() as opened:
        check_provider(name, opened)
        control = control_in(opened, f"name them in a file: limits = [...] in [providers.{name}]")
        value = [one.model_dump(mode="json") for one in limits] or None
        change = Change(subject=Subject.ACCOUNT, name=name, setting=ControlSetting.LIMITS, value=value)
        return await control.change([change], signed_now(opened, reason))


def read(given: Sequence[str]) -> tuple[Limit | Cap, ...]:
    """Return limits of what a person typed. Raises `UsageError`."""
    return tuple(one for text in given for one in _read(text))


def _read(text: str) -> tuple[Limit | Cap, ...]:
    what, _, per = text.partition(" per ")
    amount, _, unit = what.strip().replace("_", " ").partition(" ")
    row: dict[str, Any] = {"amount": amount if amount.endswith("%") or unit == "usd" else _whole(amount, text)}
    if unit:
        row["unit"] = unit.strip().removesuffix("s").replace(" ", "_")
    if per:
        row["per"] = per.strip()
    try:
        return read_limits([row], "limits", "set by command")
    except (ValueError, ConfigError) as error:
        why = said(error).partition("] ")[2] or said(error)
        raise UsageError(f"{text!r} is no limit: {why}", hint=f"expected one {_EXAMPLE}") from None


def _whole(amount: str, text: str) -> int:
    try:
        return int(amount.replace(",", ""))
    except ValueError:
        raise UsageError(f"{text!r} is no limit: it begins with no number", hint=f"expected one {_EXAMPLE}") from None


def _check(given: bool, reset: bool, usage: str) -> None:
    if given is reset:
        raise UsageError("name what is to be set, or --reset", hint=usage)
