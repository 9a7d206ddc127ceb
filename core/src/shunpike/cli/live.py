"""``shunpike models --live``: what providers list today beside their catalogs."""

from __future__ import annotations

from decimal import Decimal

from shunpike.cli.forms import matches
from shunpike.cli.output import NOTHING, as_list, narrate, plain, say, table
from shunpike.cli.session import check_provider, client, run
from shunpike.client import LiveList, LiveRow, Where
from shunpike.errors import AuthError, ConfigError, Overloaded, ShunpikeError
from shunpike.types import PriceRow
from shunpike.types.base import label
from shunpike.types.price import price_in_words

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
    """Return the lists. Raises `unanswered` when the only provider that was named gives none."""
    async with client(ledger=False) as opened:
        for name in names:
            check_provider(name, opened)
        found = await opened.live_models(names)
    if len(names) == 1 and found[0].problem:
        raise unanswered(names[0], f"{names[0]} gave no list: {found[0].problem}", found[0].kind)
    return found


def unanswered(provider: str, said: str, kind: str | None) -> ShunpikeError:
    """Return the error of a question that the only provider asked did not answer; its exit code tells ``kind``."""
    if kind == "config":
        return ConfigError(said)
    if kind in ("auth", "permission", "region"):
        return AuthError(said, provider=provider, kind=kind)
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
