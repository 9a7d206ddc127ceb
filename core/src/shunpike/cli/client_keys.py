"""``shunpike keys client``: keys for those who ask through a gateway, each with bounds of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Any

import typer

from shunpike.cli.controls import Reason, control_in, signed_now
from shunpike.cli.forms import did_you_mean
from shunpike.cli.options import Json, command_app, takes
from shunpike.cli.output import NOTHING, as_json, as_list, narrate, plain, say, table
from shunpike.cli.session import client, run
from shunpike.client import Client
from shunpike.client.own_values import clean
from shunpike.clock import moment
from shunpike.control import ClientKeys, ControlStore, NamedKey, RevisionConflict
from shunpike.control.client_keys import issued, kept_as
from shunpike.durations import span
from shunpike.errors import UsageError
from shunpike.types import Budget, Calendar, Held, Limit, Money, Rolling, Unit
from shunpike.types.client_key import HASH, ClientBounds, ClientKey
from shunpike.types.control import Change, Signature
from shunpike.types.limits import Window

app = command_app("Make, list and revoke keys for those who ask through a gateway.")
_INSTEAD = 'keep the ledger where processes share it: store = "sqlite:…" or "postgresql:…"'
_NAME_LENGTH = 64
_MINUTE, _DAY = Rolling(seconds=60), Calendar(period="day")
_TRIES = 5

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the key, as `shunpike keys client list` shows.")]


@dataclass(frozen=True)
class Creating:
    """The options of ``create``."""

    name: Annotated[str | None, typer.Option(help="Who gets it: shown wherever it is used; None = a free one.")] = None
    budget: Annotated[
        list[str] | None, typer.Option(metavar="USD/PERIOD", help="What it may cost, such as 5/month; repeatable.")
    ] = None
    list_budget: Annotated[
        list[str] | None,
        typer.Option(metavar="USD/PERIOD", help="What its answers may be worth at list price, free ones included."),
    ] = None
    rpm: Annotated[int | None, typer.Option(min=1, help="Requests a minute.")] = None
    rpd: Annotated[int | None, typer.Option(min=1, help="Requests a day (UTC).")] = None
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens a minute, prompt and answer.")] = None
    tpd: Annotated[int | None, typer.Option(min=1, help="Tokens a day (UTC).")] = None
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests at a time.")] = None
    models: Annotated[str | None, typer.Option(help="Names that it may ask for, with commas between: fast,acme/*.")] = (
        None
    )
    no_paid: Annotated[bool, typer.Option("--no-paid", help="Nothing that costs money is asked for it.")] = False
    expires: Annotated[str | None, typer.Option(metavar="SPAN", help="After which it opens nothing: 30d, 12h.")] = None
    reason: Reason = ""
    json: Json = False


@app.command()
@takes(Creating)
def create(given: Creating) -> None:
    """Make a key and show it, once. From within a second on, every gateway that shares this ledger takes it."""
    name, key, made = run(lambda: _create(given))
    if given.json:
        as_json({**_told(name, made, made.created_at), "key": key})
        return
    say(key)
    narrate(f"✓ the key of {name}: it is not shown again, as only its hash is kept")


async def _create(given: Creating) -> tuple[str, str, ClientKey]:
    async with client() as opened:
        control, signed = control_in(opened, _INSTEAD), signed_now(opened, given.reason)
        key, made = issued(_bounds(given, opened.clock.now()), opened.clock.now())
        for _ in range(_TRIES):
            keys = ClientKeys(await control.controls())
            name = _free_name(keys) if given.name is None else _new_name(given.name, keys)
            if await _changed(control, kept_as(name, made), signed, keys):
                return name, key, made
        raise UsageError("others change keys all the time", hint="run it again")


def _free_name(keys: ClientKeys) -> str:
    return next(name for number in count(1) if keys.named(name := f"client-{number}") is None)


def _new_name(given: str, keys: ClientKeys) -> str:
    name = clean(given, "--name", _NAME_LENGTH).strip()
    if not name:
        raise UsageError("--name is empty", hint="such as --name ann")
    if keys.named(name) is not None:
        hint = f"another name   ·   or forget that one first: shunpike keys client rm {name}"
        raise UsageError(f'there is a client key "{name}"', hint=hint)
    return name


async def _changed(control: ControlStore, change: Change, signed: Signature, seen: ClientKeys) -> bool:
    """Make ``change`` unless somebody was faster."""
    try:
        await control.change([change], signed, expected=seen.controls.revision)
    except RevisionConflict:
        return False
    return True


def _bounds(given: Creating, now: float) -> ClientBounds:
    limits: list[tuple[int | None, Unit, Window]] = [
        (given.rpm, Unit.REQUEST, _MINUTE),
        (given.rpd, Unit.REQUEST, _DAY),
        (given.tpm, Unit.TOTAL_TOKEN, _MINUTE),
        (given.tpd, Unit.TOTAL_TOKEN, _DAY),
        (given.concurrency, Unit.CONCURRENT, Held()),
    ]
    paid = [_budget(text, "--budget", "cost") for text in given.budget or ()]
    worth = [_budget(text, "--list-budget", "list_value") for text in given.list_budget or ()]
    return ClientBounds(
        budgets=(*paid, *worth),
        limits=tuple(
            Limit(unit=unit, amount=amount, window=window) for amount, unit, window in limits if amount is not None
        ),
        models=tuple(name.strip() for name in (given.models or "").split(",") if name.strip()),
        no_paid=given.no_paid,
        expires_at=None if given.expires is None else now + _span(given.expires),
    )


def _budget(text: str, option: str, counts: str) -> Budget:
    amount, slash, period = text.strip().removeprefix("$").partition("/")
    if not slash or period not in ("day", "month", "lifetime"):
        expected = "should be dollars and a period, such as 5/month, 0.50/day or 20/lifetime"
        raise UsageError(f"{option} {expected}, got {text[:40]!r}", hint=f"{option} 5/month")
    fields: dict[str, Any] = {"period": period, "counts": counts}
    return Budget(amount=Money.usd(amount), **fields)


def _span(text: str) -> float:
    try:
        return span(text)
    except ValueError as error:
        raise UsageError(f"--expires {error}, got {text[:40]!r}", hint="--expires 30d") from None


@app.command("list")
def list_keys(*, json: Json = False) -> None:
    """Show the client keys: their beginning, their bounds, and whether they open anything."""
    keys, now = run(_keys)
    if json:
        as_list([_told(one.name, one.key, now) for one in keys])
    elif keys:
        headings = ("name", "key", "state", "expires", "models", "budgets and limits")
        say(table(headings, [_row(one, now) for one in keys]))
    else:
        narrate("there is no client key: a gateway on this machine takes any\n\nhint: shunpike keys client create")


async def _keys() -> tuple[Sequence[NamedKey], float]:
    async with client() as opened:
        return (await _known(opened)).all(), opened.clock.now()


async def _known(opened: Client) -> ClientKeys:
    return ClientKeys(await control_in(opened, _INSTEAD).controls())


@app.command()
def show(name: Name, *, json: Json = False) -> None:
    """Show one client key with all that bounds it."""
    one, now = run(lambda: _one(name))
    if json:
        as_json(_told(one.name, one.key, now))
        return
    headings = ("name", "key", "state", "expires", "models", "budgets and limits", "made", "revoked")
    moments = (_day(one.key.created_at), _day(one.key.revoked_at))
    width = max(map(len, headings))
    for heading, said in zip(headings, (*_row(one, now), *moments), strict=True):
        say(f"{heading:{width}}  {said}")


async def _one(name: str) -> tuple[NamedKey, float]:
    async with client() as opened:
        return _found(await _known(opened), name), opened.clock.now()


@app.command()
def revoke(name: Name, *, reason: Reason = "", json: Json = False) -> None:
    """Let a key open nothing any more, from within a second on. It stays in the list."""
    one, was = run(lambda: _end(name, reason, keep=True))
    if json:
        as_json({"name": one.name, "revoked": True, "changed": was})
    else:
        narrate(f"the key of {one.name} {'opens nothing any more' if was else 'was revoked already'}")


@app.command("rm")
def remove(name: Name, *, reason: Reason = "", json: Json = False) -> None:
    """Forget a key, which opens nothing from then on. Where none is left, a gateway on this machine takes any."""
    one, _ = run(lambda: _end(name, reason, keep=False))
    if json:
        as_json({"name": one.name, "removed": True})
    else:
        narrate(f"✓ the key of {one.name} is forgotten")


async def _end(name: str, reason: str, *, keep: bool) -> tuple[NamedKey, bool]:
    """Revoke or forget a key; tell whether it was not revoked before."""
    async with client() as opened:
        control, signed = control_in(opened, _INSTEAD), signed_now(opened, reason)
        for _ in range(_TRIES):
            keys = ClientKeys(await control.controls())
            one = _found(keys, name)
            if keep and one.key.revoked_at is not None:
                return one, False
            revoked = one.key.model_copy(update={"revoked_at": signed.at}) if keep else None
            if await _changed(control, kept_as(one.name, revoked), signed, keys):
                return one, True
        raise UsageError("others change keys all the time", hint="run it again")


def _found(keys: ClientKeys, name: str) -> NamedKey:
    one = keys.named(name)
    if one is None:
        names = [known.name for known in keys.all()]
        guess = did_you_mean(name, names)
        raise UsageError(f'there is no client key "{name}"{guess}', hint="see: shunpike keys client list")
    return one


def _told(name: str, key: ClientKey, now: float) -> dict[str, Any]:
    fields = {field: value for field, value in plain(key).items() if field != HASH}
    return {"name": name, "state": key.why_not(now) or "active", **fields}


def _row(one: NamedKey, now: float) -> tuple[str, ...]:
    key = one.key
    bounds = [f"{budget.amount}/{budget.period}{_whose(budget)}" for budget in key.budgets]
    bounds += [limit.text for limit in key.limits] + (["nothing paid"] if key.no_paid else [])
    models, said = ", ".join(key.models) or "all", ", ".join(bounds) or NOTHING
    return one.name, key.shown, key.why_not(now) or "active", _day(key.expires_at), models, said


def _day(at: float | None) -> str:
    return NOTHING if at is None else f"{moment(at).astimezone():%Y-%m-%d %H:%M}"


def _whose(budget: Budget) -> str:
    return " at list price" if budget.counts == "list_value" else ""
