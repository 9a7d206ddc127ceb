"""``shunpike limits``."""

from __future__ import annotations

from shunpike.cli.forms import when
from shunpike.cli.options import Json, command_app
from shunpike.cli.output import NOTHING, as_list, narrate, plain, say, table
from shunpike.cli.session import client, run
from shunpike.clock import SystemClock
from shunpike.protocols import Target
from shunpike.types import Remaining, Unit

app = command_app("Show what is left of every limit.")


@app.command()
def limits(*, json: Json = False) -> None:
    """Show what is left of every limit, and when it is full again."""
    rows = run(_limits)
    if json:
        as_list([{"provider": target.name, "model": target.model.id, **plain(one)} for target, one in rows])
        return
    if not rows:
        narrate("no limit is in force: the providers that are ready have none\n\nhint: shunpike providers")
        return
    now = SystemClock().now()
    say(
        table(
            ("provider/model", "limit", "left", "resets"), [_row(target, one, now) for target, one in rows], right=(2,)
        )
    )


async def _limits() -> tuple[tuple[Target, Remaining], ...]:
    async with client() as opened:
        return await opened.limits()


def _row(target: Target, one: Remaining, now: float) -> tuple[str, ...]:
    left = f"${one.left / 10**12:.2f}" if one.limit.unit is Unit.USD else f"{one.left:,}"
    who = target.label if one.limit.scope == "model" else f"{target.name} ({one.limit.pool or one.limit.scope})"
    return (who, one.limit.text, left, NOTHING if one.resets_at is None else when(one.resets_at, now))
