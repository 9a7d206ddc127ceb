"""What is closed, for a person: what, until when, by what, and how to open it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from shunpike.cli.findings import Finding, Level, found
from shunpike.cli.output import plain
from shunpike.clock import moment, when
from shunpike.types import Block, Settings
from shunpike.types.trouble import place_in_trouble

HEADINGS = ("closed", "what", "until", "believed", "because", "origin", "since")
PAID = "what is paid"
_DEFAULT = "/default"


def name_of(block: Block) -> str:
    """Return what ``shunpike limits clear`` opens it by: an account, or a model of one."""
    return name_in(block.bucket)


def name_in(bucket: str) -> str:
    """Return the name of what a bucket is of, as `name_of` does."""
    account, _, rest = bucket.partition("|")
    model = rest.partition("|")[0]
    account = account.removesuffix(_DEFAULT)
    return f"{account}/{unquote(model.removeprefix('model:'))}" if model.startswith("model:") else account


def is_named(block: Block, name: str, settings: Settings) -> bool:
    """Return whether a person who writes ``name`` means this block.

    A name is a bucket, an account as it is listed, a provider for all of its accounts, a section of the configuration,
    or one of these with a model.
    """
    account, _, rest = block.bucket.partition("|")
    names = {account, account.removesuffix(_DEFAULT), account.partition("/")[0]}
    names |= {section for section in settings.providers if _account(section, settings) == account}
    if place_in_trouble(block.bucket) is not None:  # Sections of one provider share its address.
        names |= {section for section, its in settings.providers.items() if its.plugin == account}
    if name in names or name == block.bucket:
        return True
    model = rest.partition("|")[0]
    called = unquote(model.removeprefix("model:"))
    return model.startswith("model:") and name in {f"{one}/{called}" for one in names}


def _account(section: str, settings: Settings) -> str:
    its = settings.providers[section]
    owner = section if its.account == "default" else its.plugin or section
    return f"{owner}/{quote(its.account, safe='/:@.+-_')}"


def fields(block: Block) -> dict[str, object]:
    """Return a block for a program; ``until`` is null where only a person opens it."""
    told = {**plain(block), "name": name_of(block), "frozen": block.is_freeze}
    return {**told, "until": None} if block.is_freeze else told


def row(block: Block, now: float) -> tuple[str, ...]:
    """Return a block as a row under `HEADINGS`."""
    opens = _until(block)
    until = "opened by hand" if block.is_freeze else when(opens, now) if opens > now else "now"
    since = f"{moment(block.at).astimezone():%Y-%m-%d %H:%M}" if block.at else "-"
    return (
        name_of(block),
        what_of(block),
        until,
        _belief(block, now),
        _because(block),
        block.origin or "-",
        since,
    )


def is_in_force(block: Block, now: float) -> bool:
    """Return whether it keeps requests away; what was in trouble is kept for longer, to count failures in a row."""
    return _until(block) > now or not block.failures


def _until(block: Block) -> float:
    """Return when it is asked again."""
    return block.test_at if block.failures and block.test_at is not None else block.until


def _because(block: Block) -> str:
    return block.reason if block.failures < 2 else f"{block.reason} ({block.failures} in a row)"


def what_of(block: Block) -> str:
    """Return what of the account, or of its model, is closed, in a person's words."""
    place = place_in_trouble(block.bucket)
    if place is not None:
        return {"origin": "its address", "key": "its key"}.get(place[1], "all of it")
    parts = block.bucket.split("|")[1:]
    if parts[-1] == "gate":
        return "all of it"
    return PAID if parts[-1] == "paid" else " ".join(parts[-2:]).replace("_", " ")


def _belief(block: Block, now: float) -> str:
    if block.tester is not None:
        return "being tested"
    if block.test_at is None:
        return "yes"
    return "tested by the next request" if block.test_at <= now else f"tested {when(block.test_at, now)}"


def findings(blocks: Mapping[str, Block], now: float) -> Iterable[Finding]:
    """Return what ``doctor`` says of what is closed: a bill above the worst case is a problem, a doubt a warning."""
    for one in blocks.values():
        name = name_of(one)
        because = ", ".join(filter(None, (_because(one), one.origin)))
        since = f"since {moment(one.at).astimezone():%Y-%m-%d %H:%M}, " if one.at else ""
        if one.is_freeze:
            hint = f"look at its bill, then open it: shunpike limits clear {name} --note WHY"
            paid = " for what is paid" if what_of(one) == PAID else ""
            yield found("Limits", Level.PROBLEM, f"{name} is frozen{paid}, {since}{because}", hint)
            continue
        in_force = is_in_force(one, now)
        level = Level.WARNING if one.test_at is not None and in_force else Level.NOTE
        if not in_force and one.test_at is not None and one.test_at <= one.at:
            text = f"{name}: {what_of(one)} failed, too seldom as yet to be closed, {since}{because}"
        elif not in_force:
            text = f"{name}: {what_of(one)} was in trouble, the next request tests it, {since}{because}"
        else:
            text = f"{name}: {what_of(one)} closed until {when(_until(one), now)}, {since}{because}"
        if one.test_at is not None and not one.failures:
            text += f"; doubtful, {_belief(one, now)}"
        yield found("Limits", level, text, f"to open it now: shunpike limits clear {name}" if in_force else None)
