"""``shunpike budget``."""

from __future__ import annotations

from collections.abc import Sequence

from shunpike.cli.blocks import name_of
from shunpike.cli.options import Json, Watch, command_app
from shunpike.cli.output import NOTHING, as_list, narrate, plain, say, table
from shunpike.cli.session import client, run
from shunpike.cli.watch import shown
from shunpike.clock import SystemClock, when
from shunpike.routing.hints import PAY
from shunpike.types import Block, Budget, Money, Remaining

app = command_app("Show what is spent and left of every money budget.")


@app.command()
def budget(*, json: Json = False, watch: Watch = False) -> None:
    """Show every budget: its amount, what is spent or held of it, what is left and when it begins anew."""
    shown(lambda: _show(json=json), watch=watch)


def _show(*, json: bool) -> None:
    allowed, rows, frozen = run(_budgets)
    if json:
        names = [name_of(one) for one in frozen]
        as_list([{**plain(one), **_figures(left), "allow_paid": allowed, "frozen": names} for one, left in rows])
        return
    for one in frozen:
        name = name_of(one)
        narrate(f"{name} is frozen: {one.reason}\n\nhint: look at its bill, then: shunpike limits clear {name}\n")
    if not allowed:
        narrate("allow_paid is off: nothing may cost money")
    if not rows:
        narrate(f"no budget is set, so nothing can be paid for\n\nhint: {PAY}")
        return
    now = SystemClock().now()
    headings = ("budget", "amount", "spent or held", "left", "begins anew")
    say(table(headings, [_row(one, left, now) for one, left in rows], right=(1, 2, 3)))


async def _budgets() -> tuple[bool, Sequence[tuple[Budget, Remaining]], Sequence[Block]]:
    async with client() as opened:
        frozen = [one for one in (await opened.ledger.closed()).values() if one.is_freeze]
        return opened.settings.allow_paid, await opened.ledger.budgets(), frozen


def _figures(left: Remaining) -> dict[str, object]:
    return {
        "used": plain(Money(pico=left.used)),
        "left": plain(Money(pico=left.left)),
        "resets_at": plain(left)["resets_at"],
    }


def _row(one: Budget, left: Remaining, now: float) -> tuple[str, ...]:
    zone = "" if one.period == "lifetime" else f" ({one.zone})"
    whose = "" if one.provider is None else f" at {one.provider}"
    listed = " at list price" if one.counts == "list_value" else ""
    begins = NOTHING if left.resets_at is None else when(left.resets_at, now)
    return (
        f"{one.period}{zone}{whose}{listed}",
        str(one.amount),
        str(Money(pico=left.used)),
        Money(pico=left.left).left,
        begins,
    )
