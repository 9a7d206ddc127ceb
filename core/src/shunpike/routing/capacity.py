"""How much is sent where: the calls that an account bears at a time, and the part of them that a target is spared."""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

from shunpike.clock import Clock
from shunpike.errors import BadAnswer, NotHere, Overloaded, RateLimited, RequestError
from shunpike.routing.concurrency import ANY, Concurrency
from shunpike.routing.shedding import OK, SHED, WINDOW, Acceptance
from shunpike.routing.trouble import Failure, TroublePlace, is_trouble, named_moment, names_limit
from shunpike.types import Unit

_OVERLOAD = frozenset({"overloaded", "timeout"})
"""Kinds of failure that too many calls at a time may be the reason of."""


class AccountCapacity(NamedTuple):
    """What was found of one account: ``shed`` is the part of the calls of each model."""

    concurrency: int | None
    refused_with: int | None
    shed: dict[str, float]


class Capacity:
    """What the calls of this process showed, account by account and target by target."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, Concurrency] = {}
        self._targets: dict[str, Acceptance] = {}
        self._accepted_mono = float("-inf")
        """When anything was accepted last."""

    def concurrency(self, where: TroublePlace, *, guess: bool = True) -> int:
        """Return how many calls the account is thought to bear at a time; without a ``guess``, as far as was seen.

        Without either it is `ANY`.
        """
        account = self._account(where)
        return ANY if account.is_guessed and not guess else account.allowed(self._clock.monotonic())

    def _account(self, where: TroublePlace) -> Concurrency:
        return self._accounts.setdefault(where.account, Concurrency())

    def answered(self, where: TroublePlace, at_once: int) -> None:
        """Take in a good answer to a call that began as one of ``at_once``."""
        now_mono = self._clock.monotonic()
        self._account(where).answered(at_once, now_mono)
        self._note(where, OK)

    def failed(self, where: TroublePlace, error: Failure, at_once: int, began_mono: float) -> None:
        """Take in a failure. A refusal that names a limit says nothing of load."""
        account, now_mono = self._account(where), self._clock.monotonic()
        unnamed = isinstance(error, RateLimited) and not names_limit(error)
        if is_crowded(error, at_once):
            account.refused(at_once, began_mono, now_mono)
        elif unnamed or (isinstance(error, Overloaded) and error.kind in _OVERLOAD):
            account.overloaded(at_once, began_mono, now_mono)
        if unnamed or is_trouble(error):
            self._note(where, error.kind)
        elif isinstance(error, BadAnswer | RequestError | NotHere):
            self._note(where, OK)

    def _note(self, where: TroublePlace, kind: str) -> None:
        now_mono = self._clock.monotonic()
        self._targets.setdefault(where.model, Acceptance()).note(kind, now_mono)
        if kind == OK:
            self._accepted_mono = now_mono

    def is_shed(self, where: TroublePlace, seed: str) -> bool:
        """Return whether a target is spared the request of ``seed``: the same for the same seed."""
        found = self._targets.get(where.model)
        part = 0.0 if found is None else found.shed(self._clock.monotonic())
        return part > 0 and crc32(f"{seed} {where.model}".encode()) < part * 2**32

    def shed(self, where: TroublePlace) -> str:
        """Count a call that is shed; return why it was, for a person."""
        accepted, calls = self._targets[where.model].accepted(self._clock.monotonic())
        self._note(where, SHED)
        return f"overloaded: {accepted} of {calls} calls within two minutes were accepted"

    @property
    def is_anybody_answering(self) -> bool:
        """Whether any target accepted something within the last two minutes."""
        return self._clock.monotonic() - self._accepted_mono <= WINDOW

    def is_answering(self, where: TroublePlace) -> bool:
        """Return whether a target accepted something within the last two minutes."""
        found = self._targets.get(where.model)
        return found is not None and found.accepted(self._clock.monotonic())[0] > 0

    def of(self, account: str) -> AccountCapacity:
        """Return what was found of an account, for a person."""
        found, now_mono = self._accounts.get(account), self._clock.monotonic()
        shed = {
            model.removeprefix(f"{account}/"): one.shed(now_mono)
            for model, one in self._targets.items()
            if model.startswith(f"{account}/")
        }
        shed = {model: part for model, part in shed.items() if part > 0}
        if found is None:
            return AccountCapacity(None, None, shed)
        return AccountCapacity(found.allowed(now_mono), found.refused_with, shed)

    def recovered(self, where: TroublePlace) -> None:
        """Forget what a target failed at: it was closed for that, and is well again."""
        self._targets.pop(where.model, None)


def is_crowded(error: Failure, at_once: int) -> bool:
    """Return whether a refusal means what runs at a time, and not how much of it: nor a moment, nor another limit."""
    if not isinstance(error, RateLimited) or at_once <= 1 or named_moment(error) is not None:
        return False
    named = [one for one in error.evidence if one.remaining == 0]
    return all(one.unit is Unit.CONCURRENT and one.amount is None for one in named) and error.limit is None
