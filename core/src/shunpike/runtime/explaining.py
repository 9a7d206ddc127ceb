"""Why requests went where they went, read from the place where their records are kept."""

from __future__ import annotations

from shunpike.decisions import DecisionStore
from shunpike.errors import UsageError
from shunpike.runtime.runtime import Runtime
from shunpike.types import Decision

LAST = "the last ones: shunpike explain --last"


async def explain(runtime: Runtime, request_id: str | None) -> Decision:
    """Return the record of a request's latest end; None = of the latest request.

    Raises `UsageError` where none is kept, `StoreError`.
    """
    store = _kept_in(runtime)
    found = [*await store.of(request_id)] if request_id else [*await store.latest(limit=1)]
    if found:
        return found[-1]
    if not request_id:
        raise UsageError(
            "no request has ended yet whose record is kept", hint='such as: shunpike "What is a shunpike?"'
        )
    known = await runtime.ledger.attempts_of(request_id)
    days = runtime.snapshot.settings.keep_decisions
    if known:
        raise UsageError(
            f"the request {request_id!r} is in the ledger, but no record of its decision: it runs, or it is more than "
            f"{days} days ago",
            hint=LAST,
        )
    raise UsageError(
        f"there is no record of a request {request_id!r}",
        hint=f"{LAST}   ·   records are kept for {days} days, in the ledger that asked: shunpike doctor",
    )


async def latest(runtime: Runtime, before: float | None, limit: int) -> tuple[Decision, ...]:
    """Return the records of the latest requests, newest first. Raises `UsageError`, `StoreError`."""
    return tuple(await _kept_in(runtime).latest(before, limit))


def _kept_in(runtime: Runtime) -> DecisionStore:
    if runtime.decisions is not None:
        return runtime.decisions
    if not runtime.snapshot.settings.keep_decisions:
        raise UsageError(
            "no records are kept: keep_decisions is 0", hint="where it stands: shunpike config show --origin"
        )
    raise UsageError("this store keeps no records of decisions", hint="use the ledger's own file, or PostgreSQL")
