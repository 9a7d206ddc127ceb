"""``shunpike models``."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer

from shunpike.cli.forms import matches
from shunpike.cli.live import show_live
from shunpike.cli.options import Json, command_app
from shunpike.cli.output import NOTHING, as_list, narrate, say, table
from shunpike.cli.session import check_provider, client, run
from shunpike.client import SOURCE, ProviderStatus
from shunpike.types import ModelInfo
from shunpike.types.base import label
from shunpike.types.price import price_in_words

app = command_app("Show the models.")


@app.command()
def models(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORD...", help="Only those with these words in id or features.")
    ] = None,
    *,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", "-p", help="Only of this one; repeatable.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Retired models as well.")] = False,
    free: Annotated[bool, typer.Option("--free", help="Only those that cost nothing on the tier in use.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Ask the providers what they list today.")] = False,
    json: Json = False,
) -> None:
    """Show the models that can be asked, with what they can do and what they cost."""
    if live:
        show_live(provider or [], words, free=free, json=json)
        return
    found, statuses = run(lambda: _models(provider or []))
    tiers = {row.name: row for row in statuses}
    shown = [
        model
        for model in found
        if (everything or model.status != "retired")
        and (not free or is_free(model, tiers.get(model.provider)))
        and matches(words, label(model.provider, model.id), *model.features)
    ]
    if json:
        as_list(shown)
        return
    say(
        table(
            ("model", "context", "features", "price in/out per million", "status"),
            [_row(one) for one in shown],
            right=(1,),
        )
    )
    retired = sum(model.status == "retired" for model in found)
    if retired and not everything:
        narrate(f"\n{retired} retired models are not shown: shunpike models --all")


async def _models(wanted: list[str]) -> tuple[list[ModelInfo], tuple[ProviderStatus, ...]]:
    async with client(ledger=False) as opened:
        for name in wanted:
            check_provider(name, opened)
        await opened.discover()
        statuses = await opened.status()
        return [model for model in opened.models() if not wanted or model.provider in wanted], statuses


def is_free(model: ModelInfo, status: ProviderStatus | None) -> bool:
    """Tell whether asking ``model`` costs its owner nothing: an unbilled tier that has it, or a price of zero.

    A price of zero on an account with a card is no free model: it is asked only where money is allowed.
    """
    if status is not None and status.billing == "card":
        return False
    if status is not None and status.tier in model.limits and status.billing != "card":
        return True
    prices = [Decimal(part) for row in model.prices for part in (row.prompt, row.completion, row.request)]
    return bool(prices) and not any(prices)


def _row(model: ModelInfo) -> tuple[str, ...]:
    price = price_in_words(model.prices[0].prompt, model.prices[0].completion) if model.prices else "unknown"
    status, features = model.status, ", ".join(sorted(model.features))
    if model.source == SOURCE:
        price, features = "free", ""
    if model.status == "retired":
        day = f" on {model.retired_on}" if model.retired_on else ""
        successor = f", use {model.successor}" if model.successor else ""
        return (label(model.provider, model.id), NOTHING, NOTHING, NOTHING, f"retired{day}{successor}")
    return (
        label(model.provider, model.id),
        NOTHING if model.context is None else f"{model.context:,}",
        features or NOTHING,
        price if model.kind == "chat" else f"{price} ({model.kind})",
        status,
    )
