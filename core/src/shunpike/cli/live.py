"""``shunpike models --live``: what providers list today beside their catalogs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shunpike.cli.forms import matches
from shunpike.cli.output import NOTHING, as_list, narrate, plain, say, table
from shunpike.cli.session import check_provider, client, run
from shunpike.client import AccountBalance, LiveList, LiveRow, Where
from shunpike.errors import AuthError, ConfigError, Overloaded, RateLimited, ShunpikeError
from shunpike.types import PriceRow
from shunpike.types.base import label
from shunpike.types.price import price_in_words

_SOONEST = (5, 6, 3, 4)
"""Exit codes of failures: time alone mends the first."""
MARKS = {Where.BOTH: "both", Where.LIVE: "only live", Where.CATALOG: "only in catalog"}


def show_live(names: list[str], words: list[str] | None = None, *, free: bool, json: bool) -> None:
    """Show the merged lists of ``names``, or of every provider that can be asked: what holds ``words``."""
    lists = run(lambda: ask_live(names))
    rows = [row for one in lists for row in one.rows if (not free or is_free(row)) and _is_meant(row, words)]
    if json:
        as_list(_object(row) for row in rows)
    elif rows:
        headings = ("model", "where", "context", "price in/out per million", "note")
        say(table(headings, [_row(row) for row in rows], right=(2,)))
    for one in lists:
        if one.problem:
            narrate(f"note: {one.provider} gave no list: {one.problem}")


async def ask_live(names: list[str]) -> tuple[LiveList, ...]:
    """Return the lists. Raises as `check_answered` does when no real provider that was asked gives one."""
    async with client(ledger=False) as opened:
        for name in names:
            check_provider(name, opened)
        found = await opened.live_models(names)
        simulated = set() if names else {info.id for info in opened.host.providers() if info.simulated}
    check_answered([one for one in found if one.provider not in simulated], "gave no list")
    return found


def check_answered(asked: Sequence[LiveList | AccountBalance], nothing: str) -> None:
    """Raise where everybody who was asked failed; of several failures the one that is soonest mended tells the code."""
    failed = [one for one in asked if one.problem]
    if not failed or len(failed) < len(asked):
        return
    said = "\n       ".join(f"{one.provider} {nothing}: {one.problem}" for one in failed)
    errors = [_unanswered(one.provider, said, one.kind) for one in failed]
    raise min(errors, key=lambda one: _SOONEST.index(one.exit_code))


def _unanswered(provider: str, said: str, kind: str | None) -> ShunpikeError:
    if kind == "config":
        return ConfigError(said)
    if kind in ("auth", "permission", "region"):
        return AuthError(said, provider=provider, kind=kind)
    if kind in ("rate_limited", "quota"):
        return RateLimited(said, provider=provider, kind=kind)
    return Overloaded(said, provider=provider, kind=kind)


def is_free(row: LiveRow) -> bool:
    """Whether a model is stated to cost nothing, by the list where it knows, else by the catalog."""
    if row.live is not None and (row.live.free or row.live.price is not None):
        return row.live.free
    prices = row.catalog.prices if row.catalog else ()
    return bool(prices) and not any(Decimal(part) for one in prices for part in (one.prompt, one.completion))


def _is_meant(row: LiveRow, words: list[str] | None) -> bool:
    features = [one.features or () for one in (row.live, row.catalog) if one is not None]
    return matches(words, label(row.provider, row.id), *(name for each in features for name in each))


def price_of(row: LiveRow) -> PriceRow | None:
    """Return the price that the list states, else the catalog's first."""
    if row.live is not None and row.live.price is not None:
        return row.live.price
    return row.catalog.prices[0] if row.catalog and row.catalog.prices else None


def _row(row: LiveRow) -> tuple[str, ...]:
    known = row.live if row.live is not None and row.live.context else row.catalog
    price = price_of(row)
    return (
        label(row.provider, row.id),
        MARKS[row.where],
        NOTHING if known is None or known.context is None else f"{known.context:,}",
        "free" if is_free(row) else NOTHING if price is None else price_in_words(price.prompt, price.completion),
        _note(row),
    )


def _note(row: LiveRow) -> str:
    notes = []
    kind = row.live.kind if row.live and row.live.kind else row.catalog.kind if row.catalog else None
    if kind not in (None, "chat"):
        notes.append(f"{kind}")
    if row.catalog is not None and row.catalog.status == "retired":
        notes.append("retired in the catalog")
    if row.live is not None and row.live.retires_on is not None:
        notes.append(f"until {row.live.retires_on}")
    return ", ".join(notes)


def _object(row: LiveRow) -> dict[str, object]:
    return {**plain(row), "free": is_free(row)}
