"""A listed window that is longer than the provider's own is corrected by what passes: see ``ledger/shortening.py``."""

from __future__ import annotations

import pytest

from shunpike.ledger import Ledger
from shunpike.ledger.learning import BELIEVED_FOR
from shunpike.types import Confidence, Denial, Evidence, Grant, Limit, Outcome, Rolling, Settings, Unit, Usage
from shunpike_testkit.targets import ask, limit, target

from ...laws.provider_windows import SHAPES, FixedWindow, Provider, RollingWindow, TokenBucket  # noqa: TID252 - no package
from .taught import Rig, seen

MINUTE = 60.0


class Trade(Rig):
    """A rig whose requests go to a provider that counts by itself, and who all want to be sent at once."""

    def __init__(self, listed: list[Limit], provider: Provider, settings: Settings | None = None) -> None:
        super().__init__(listed, settings)
        self.provider = provider
        self.amount = provider.amount
        self.served = self.refused = 0
        self.tells = True
        """Whether answers say what is left, and not only a refusal when to come back."""

    async def send(self, trip: float = 0.02) -> Denial | None:
        """Send one request, if the books allow it."""
        self._number += 1
        one = ask(f"s{self._number}")
        verdict = await self.books.admit(target(), one)
        if isinstance(verdict, Denial):
            return verdict
        self.clock.advance(trip / 2)
        said = self.provider.ask(self.clock.now())
        self.clock.advance(trip / 2)
        reset = self.clock.now() + said.reset
        rows: tuple[Evidence, ...] = ()
        if self.tells:
            rows = (seen(amount=self.amount, remaining=said.left, resets_at=reset),)
        outcome = Outcome(at=self.clock.now(), usage=Usage(), evidence=rows)
        if said.served:
            self.served += 1
        else:
            self.refused += 1
            how = {"error": "rate_limited", "status": 429, "billed": False, "closed_until": reset}
            outcome = outcome.model_copy(update=how)
        await self.books.settle(target(), one, outcome)
        return None

    async def busy(self, seconds: float, trip: float = 0.02) -> int:
        """Send whatever the books allow for so long; return how many were served."""
        until, before = self.clock.now() + seconds, self.served
        while self.clock.now() < until:
            denial = await self.send(trip)
            if denial is not None:
                assert denial.retry_at is not None
                self.clock.advance(max(0.0, min(denial.retry_at, until) - self.clock.now()) + 0.001)
        return self.served - before

    async def refused_bare(self) -> None:
        """Let one be refused that names no limit."""
        self._number += 1
        one = ask(f"s{self._number}")
        while isinstance(await self.books.admit(target(), one), Denial):
            self.clock.advance(1)
        now = self.clock.now()
        how = {"at": now, "error": "rate_limited", "status": 429, "billed": False, "closed_until": now + 2}
        await self.books.settle(target(), one, Outcome.model_validate(how))

    async def windows(self) -> list[float]:
        left = await self.books.remaining(target())
        return [one.limit.window.seconds for one in left if isinstance(one.limit.window, Rolling)]


@pytest.mark.parametrize("trip", [0.02, 0.15, 0.4])
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_window_of_two_seconds_that_is_listed_as_a_minute_is_found_in_the_first_minute(
    shape: type[Provider], trip: float
) -> None:
    """In the next minute ten times as much is served as the list allows, and nothing is refused."""
    trade = Trade([limit(30)], shape(30, 2.0, 0.1))
    await trade.busy(MINUTE, trip)
    (window,) = await trade.windows()
    assert 2 <= window <= (8 if trip < 0.4 else 15)
    assert await trade.busy(MINUTE, trip) >= min(30 * MINUTE / (window + 1), MINUTE / trip) * 0.8
    assert trade.refused == 0


@pytest.mark.parametrize("amount", [1, 2, 5])
async def test_small_amounts_are_found_as_well(amount: int) -> None:
    trade = Trade([limit(amount)], FixedWindow(amount, 2.0, 0.1))
    await trade.busy(MINUTE)
    assert max(await trade.windows()) <= 10
    assert trade.refused == 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("window", [60.0, 61.0, 300.0])
@pytest.mark.parametrize("phase", [0.0, 0.2, 0.45, 0.6, 0.97])
async def test_a_window_that_is_as_long_as_listed_or_longer_is_never_shortened(
    shape: type[Provider], window: float, phase: float
) -> None:
    """In ten minutes few are refused that test what is stated: the next wait is twice as long each time."""
    trade = Trade([limit(30)], shape(30, window, phase))
    for _ in range(30):
        await trade.busy(MINUTE / 3)
        assert min(await trade.windows()) >= 60
    if window <= 61:
        assert trade.refused <= 5


async def test_with_the_wait_of_denials_alone_it_is_found_by_what_passes() -> None:
    """Another program used it up at first. There is one limit, so that it is the one that refused."""
    provider = RollingWindow(30, 2.0, 0.1)
    trade = Trade([limit(30)], provider)
    trade.tells = False
    for _ in range(30):
        provider.ask(trade.clock.now())
    await trade.busy(MINUTE)
    (window,) = await trade.windows()
    assert window <= 8
    assert await trade.busy(MINUTE) >= 150
    assert trade.refused == 1


async def test_of_several_limits_a_denial_that_names_none_shows_nothing() -> None:
    provider = RollingWindow(30, 2.0, 0.1)
    trade = Trade([limit(30), limit(9_000_000, Unit.TOTAL_TOKEN)], provider)
    trade.tells = False
    for _ in range(30):
        provider.ask(trade.clock.now())
    await trade.busy(2 * MINUTE)
    assert await trade.windows() == [60, 60]


async def test_a_denial_after_that_brings_the_listed_window_back_at_once() -> None:
    """It is closed until the stated moment, and not concluded again before the wait between tests is over."""
    trade = Trade([limit(30)], FixedWindow(30, 2.0, 0.1))
    await trade.busy(MINUTE)
    assert max(await trade.windows()) < 60
    trade.provider = FixedWindow(30, 60.0, 0.1)
    while not trade.refused:
        await trade.busy(1)
    assert await trade.windows() == [60]
    assert list(await trade.books.closed()) == ["north/default|model:m-1|request|rolling:60"]
    await trade.busy(10 * MINUTE)
    assert await trade.windows() == [60]
    assert trade.refused <= 4


async def test_a_denial_that_names_no_limit_brings_it_back_too() -> None:
    trade = Trade([limit(30), limit(9_000_000, Unit.TOTAL_TOKEN)], FixedWindow(30, 2.0, 0.1))
    await trade.busy(MINUTE)
    assert min(await trade.windows()) < 60
    await trade.refused_bare()
    assert await trade.windows() == [60, 60]


async def test_it_is_shown_with_its_observation_and_other_processes_and_the_next_ones_know_it() -> None:
    trade = Trade([limit(30)], TokenBucket(30, 2.0, 0.1))
    await trade.busy(MINUTE)
    later = Ledger(trade.store, trade.clock, Settings(), lambda _: [limit(30)])
    for books in (trade.books, later):
        (one,) = await books.remaining(target())
        assert one.limit.window == Rolling(seconds=(await trade.windows())[0])
        assert (one.limit.confidence, one.limit.source) == (
            Confidence.OBSERVED,
            "header x: more passed than 60 s allow",
        )
        assert one.limit.observed_at is not None


async def test_it_is_forgotten_a_week_after_it_was_last_shown() -> None:
    trade = Trade([limit(30)], TokenBucket(30, 2.0, 0.1))
    await trade.busy(MINUTE)
    trade.clock.advance(BELIEVED_FOR + 1)
    assert await trade.windows() == [60]


async def test_the_operators_own_figure_is_kept() -> None:
    own = limit(30).model_copy(update={"confidence": Confidence.OPERATOR})
    settings = Settings.model_validate({"providers": {"north": {"limits": [own.model_dump()]}}})
    trade = Trade([limit(40)], FixedWindow(40, 2.0, 0.1), settings)
    await trade.busy(2 * MINUTE)
    assert await trade.windows() == [60]


async def test_what_is_left_and_stands_still_is_not_believed_before_more_has_passed_than_the_list_allows() -> None:
    rig = Rig([limit(30)])
    for _ in range(29):
        assert isinstance(await rig.ends(seen(amount=30, remaining=25, resets_at=rig.clock.now() + 2)), Grant)
        rig.clock.advance(0.5)
    (one,) = await rig.books.remaining(target())
    assert one.limit.window == Rolling(seconds=60)


async def test_a_limit_that_no_catalog_lists_gets_its_shorter_window_as_well() -> None:
    """Its first reset was stated by a provider that was asked long before; it is a guess until then."""
    trade = Trade([], FixedWindow(30, 2.0, 0.1))
    await trade.ends(seen(amount=30, remaining=29, resets_at=trade.clock.now() + 40))
    assert await trade.windows() == [60]
    await trade.busy(2 * MINUTE)
    assert max(await trade.windows()) <= 8
    assert trade.refused == 0
