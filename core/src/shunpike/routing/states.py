"""What a strategy may know of each candidate at this moment, gathered with one look at the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from shunpike.patience import answered
from shunpike.protocols import RoutableRequest, Target, TargetState
from shunpike.routing.context import Services


async def states_of(
    targets: Sequence[Target], services: Services, request: RoutableRequest, prompt_tokens: int, expires_mono: float
) -> dict[str, TargetState]:
    """Return label → state of ``targets``.

    Raises `StoreError`, also where the ledger does not answer until ``expires_mono``.
    """
    within = max(expires_mono - services.clock.monotonic(), 0.0)
    left = await answered(services.admission.snapshot(targets), services.clock, within)
    found = {}
    for target in targets:
        where, remaining = services.where(target), tuple(left.get(target.label, ()))
        found[target.label] = TargetState(
            price=services.price(target, prompt_tokens, request.service_tier, within),
            remaining=remaining,
            blocked_until=services.health.closed_until(where),
            health=services.health.of(where),
            quality=target.model.quality,
        )
    return found


def seed_of(request_id: str) -> int:
    """Return the seed of a request: the same for the same id, in every process."""
    return crc32(request_id.encode())
