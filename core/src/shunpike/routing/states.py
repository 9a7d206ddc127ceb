"""What a strategy may know of each candidate at this moment, gathered with one look at the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from zlib import crc32

from shunpike.patience import answered
from shunpike.protocols import RoutableRequest, Target, TargetHealth, TargetState, View
from shunpike.routing.context import Services
from shunpike.types import Held, Remaining, Unit
from shunpike.types.limits import MONEY


async def states_of(
    targets: Sequence[Target],
    services: Services,
    request: RoutableRequest,
    view: View,
    task: str | None,
    expires_mono: float,
) -> dict[str, TargetState]:
    """Return label → state of ``targets``; ``task`` is by what the lengths of answers are learned.

    Raises `StoreError`, also where the ledger does not answer until ``expires_mono``.
    """
    within = max(expires_mono - services.clock.monotonic(), 0.0)
    left = await answered(services.admission.snapshot(targets), services.clock, within)
    needs = needs_of(request, view)
    known, health, found = services.performance, services.health, {}
    all_well = health.is_all_well
    for target in targets:
        where, label = None if all_well else services.where(target), target.label
        remaining = tuple(left.get(label, ()))
        limits_open_at = opens_at(remaining, needs, view.now)
        found[label] = TargetState.model_construct(
            price=services.price(target, view.prompt_tokens, request.service_tier, within),
            remaining=remaining,
            blocked_until=_later(
                None if where is None else health.closed_until(where),
                None if limits_open_at <= view.now else limits_open_at,
            ),
            health=_WELL if where is None else health.of(where),
            quality=target.model.quality,
            usable=known.usable.share(label, view.task),
            speed=known.speeds.of(label, stream=view.stream, prompt_tokens=view.prompt_tokens, now=view.now),
            expected_output=known.lengths.expected(task, label),
            cached_share=known.speeds.cached_share(label, stream=view.stream, now=view.now),
            in_flight=known.load.of(label),
        )
    return found


_WELL = TargetHealth()


def _later(one: float | None, other: float | None) -> float | None:
    return max((at for at in (one, other) if at is not None), default=None)


def needs_of(request: RoutableRequest, view: View) -> dict[Unit, int]:
    """Return how much of each unit the request takes at least; what is counted in money needs only not to be gone."""
    output = view.max_output * request.choices
    return {
        Unit.REQUEST: 1,
        Unit.INPUT_TOKEN: view.prompt_tokens,
        Unit.OUTPUT_TOKEN: output,
        Unit.TOTAL_TOKEN: view.prompt_tokens + output,
        **dict.fromkeys(MONEY, 1),
    }


def opens_at(remaining: Iterable[Remaining], needs: dict[Unit, int], now: float) -> float:
    """Return when ``needs`` fit into all that ``remaining`` tells of, epoch seconds: ``now``, or inf = never known.

    Of a rolling window it is when it is free as a whole, so that it may open earlier. What running calls hold opens
    with their end, which no clock knows: it is no block.
    """
    opens = now
    for one in remaining:
        opens = max(opens, one.blocked_until or now)
        if isinstance(one.limit.window, Held):
            continue
        need = needs.get(one.limit.unit, 0)
        # What a limit can't hold at all is held as the whole of it, where the count was too high.
        if one.left < min(need, one.limit.amount) or one.limit.amount == 0:
            opens = max(opens, inf if one.resets_at is None else one.resets_at)
    return opens


def seed_of(request_id: str) -> int:
    """Return the seed of a request: the same for the same id, in every process."""
    return crc32(request_id.encode())
