"""``shunpike providers disable`` and ``enable``: switching a provider off, and on again, while processes run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from shunpike.cli.controls import Reason, control_in, is_json, signed_now
from shunpike.cli.options import Json
from shunpike.cli.output import as_json, narrate, plain
from shunpike.cli.session import check_provider, client, run
from shunpike.client import Client
from shunpike.client.switching import switches
from shunpike.control import why_off
from shunpike.errors import ConfigError
from shunpike.types.control import Override

Name = Annotated[str, typer.Argument(help="PROVIDER or PROVIDER/MODEL, as `shunpike providers` shows them.")]


@dataclass(frozen=True)
class _Done:
    """What came of a change: the switch that keeps the target from being asked by now, if one does."""

    switch: Override | None
    changed: bool
    revision: int


def disable(context: typer.Context, name: Name, *, reason: Reason = "", json: Json = False) -> None:
    """Ask NAME no more, from within a second on, in every process that shares this ledger.

    What was sent already ends as it would. `shunpike providers enable NAME` undoes it.
    """
    done = run(lambda: _set(name, reason, value=False))
    if is_json(context, json):
        _as_json(name, done)
    elif done.switch is not None:
        narrate(f"{name} is {'' if done.changed else 'already '}{why_off(done.switch)}")


def enable(context: typer.Context, name: Name, *, reason: Reason = "", json: Json = False) -> None:
    """Ask NAME again, which `shunpike providers disable` has switched off."""
    done = run(lambda: _set(name, reason, value=None))
    if is_json(context, json):
        _as_json(name, done)
    elif done.switch is None:
        narrate(f"{name} is {'enabled again' if done.changed else 'not disabled'}")
    else:
        narrate(f"{name} is still {why_off(done.switch)}")


def _as_json(name: str, done: _Done) -> None:
    switch = None if done.switch is None else plain(done.switch)
    told = {"name": name, "enabled": switch is None, "changed": done.changed, "revision": done.revision}
    as_json({**told, "switch": switch})


async def _set(name: str, reason: str, *, value: bool | None) -> _Done:
    async with client() as opened:
        way, word = ("on", "true") if value is None else ("off", "false")
        file = f"switch it {way} in a file: enabled = {word} in [providers.{name.partition('/')[0]}]"
        control, signed = control_in(opened, file), signed_now(opened, reason)
        before = await control.controls()
        account, _, model = name.partition("/")
        check_provider(account, opened)
        after = await control.change(switches(opened, name, value=value), signed)
        info = opened.runtime.snapshot.accounts[account].info
        switch = after.switched_off(info.id, account, model or None)
        if value is None and switch is None:
            _check_section(opened, account)
        return _Done(switch, after.revision != before.revision, after.revision)


def _check_section(opened: Client, name: str) -> None:
    """Raise `ConfigError` where a file switches it off, which no command undoes."""
    section = opened.settings.providers.get(name)
    if section is not None and not section.enabled:
        raise ConfigError(
            f"{name} is switched off by its section of the settings",
            hint=f"where it stands: shunpike config show --origin   ·   then: enabled = true in [providers.{name}]",
        )
