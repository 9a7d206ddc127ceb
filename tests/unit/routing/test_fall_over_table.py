"""What follows a failure is one table, which can be set; and an answer of no use is paid for once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from typing_extensions import override

from shunpike.client import Client
from shunpike.errors import (
    AuthError,
    BadAnswer,
    CreditsExhausted,
    Exhausted,
    Interrupted,
    NotHere,
    Overloaded,
    PluginError,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestError,
    UsageError,
)
from shunpike.routing.fall_over import BAD_ANSWERS, row_of, step_after
from shunpike.routing.health import Health
from shunpike.routing.operation import Completing
from shunpike.routing.retry_budget import back_off
from shunpike.routing.trouble import Failure, Setback, TroublePlace, TroubleScope
from shunpike.types import Billing, Call, Cause, FallOver, FallOverStep, Price, Verdict
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

from .loop_rig import REQUEST, Rig, target
from .test_fall_over import ask, client, many

DOWN = Overloaded("down", provider="", status=503)
EMPTY = answer("")
PAID = {"billing": Billing.CARD, "price": Price.per_million("1", "2"), "models": 1}
BUDGET = {"allow_paid": True, "budgets": [{"amount": {"pico": 10**13}, "period": "day"}]}


def failure(kind: type[ProviderError], word: str | None = None) -> ProviderError:
    return kind("no", provider="p", kind=word)


ROWS: list[tuple[Failure, str]] = [
    (failure(AuthError, "permission"), "auth"),
    (failure(RequestError, "content_filter"), "request"),
    (failure(NotHere, "context_overflow"), "not_here"),
    (failure(RateLimited), "rate_limited"),
    (failure(QuotaExhausted), "quota"),
    (failure(CreditsExhausted, "spend_cap"), "credits"),
    (failure(Overloaded, "upstream"), "overloaded"),
    (failure(Overloaded, "timeout"), "timed_out"),
    (failure(Overloaded, "connection"), "connection"),
    (failure(Overloaded, "paid_again"), "overloaded"),
    (failure(Interrupted), "interrupted"),
    (PluginError("odd", plugin="p"), "plugin"),
    *((failure(BadAnswer, word), word) for word in BAD_ANSWERS),
    (failure(BadAnswer, "odd"), "bad_answer"),
    (failure(BadAnswer, "auth"), "bad_answer"),
]


@pytest.mark.parametrize(("error", "row"), ROWS, ids=lambda one: getattr(one, "kind", one))
def test_every_failure_falls_under_the_row_of_its_class_or_kind(error: Failure, row: str) -> None:
    assert row_of(error) == row
    for step in FallOverStep:
        assert step_after(error, FallOver.model_validate({row: step})) is step


def test_each_row_of_the_table_is_of_some_failure() -> None:
    assert {row for _, row in ROWS} == FallOver.model_fields.keys() - {"paid_again"}


def test_the_readme_tells_the_table_as_it_is() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    section = readme.partition("### After a failure")[2].partition("###")[0]
    told = {
        row.strip(" `"): cells[2].strip()
        for cells in (line.split("|") for line in section.splitlines() if line.count("|") == 4)
        for row in cells[3].split(",")
    }
    defaults = {name: str(getattr(FallOver(), name)) for name in FallOver.model_fields if name != "paid_again"}
    assert {name: step for name, step in told.items() if name in defaults} == defaults


def test_who_knows_that_nobody_can_do_better_ends_the_request_whatever_the_table_says() -> None:
    hopeless = failure(BadAnswer, "truncated")
    hopeless.elsewhere = False
    assert step_after(hopeless, FallOver(truncated=FallOverStep.NEXT)) is FallOverStep.STOP
    strange = ProviderError("odd", provider="p")
    assert (row_of(strange), step_after(strange, FallOver())) == (None, FallOverStep.WAIT)
    strange.elsewhere = False
    assert step_after(strange, FallOver()) is FallOverStep.STOP


@pytest.mark.parametrize("streamed", [False, True])
async def test_after_a_billed_answer_of_no_use_nothing_else_is_paid(*, streamed: bool) -> None:
    first, second = many("first", EMPTY, **PAID), many("second", **PAID)
    async with client(first, second, **BUDGET) as opened:
        with pytest.raises(Exhausted, match=r"second/m00 +not tried: an answer that is billed was of no use"):
            await ask(opened, streamed=streamed)
    assert (len(first.backend.calls), len(second.backend.calls)) == (1, 0)


async def test_a_second_account_is_paid_where_the_owner_says_so() -> None:
    first, second = many("first", EMPTY, **PAID), many("second", answer("two"), **PAID)
    async with client(first, second, **BUDGET, fall_over={"paid_again": True}) as opened:
        assert (await opened.complete("hello")).text == "two"


async def test_a_bad_answer_that_cost_nothing_keeps_nobody_from_being_paid() -> None:
    first, second = many("first", EMPTY, models=1), many("second", answer("two"), **PAID)
    async with client(first, second, **BUDGET) as opened:
        assert (await opened.complete("hello")).text == "two"


@pytest.mark.parametrize("way", ["option", "setting"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_bad_answer_is_given_back_with_a_warning_where_that_is_wished(way: str, *, streamed: bool) -> None:
    first, second = many("first", EMPTY, models=1), many("second", models=1)
    wish: dict[str, Any] = {"on_bad_answer": "return"}
    async with client(first, second, **(wish if way == "setting" else {})) as opened:
        done = await ask(opened, streamed=streamed, **(wish if way == "option" else {}))
    assert (done.text, done.provider, second.backend.calls) == ("", "first", [])
    assert done.warnings == ("the answer may be of no use (empty): the answer is empty",)
    assert [one.error for one in done.attempts] == ["empty"]
    (asked, _) = done.decision.candidates
    assert (asked.verdict, asked.reason) == (Verdict.ANSWERED, "empty: the answer is empty")


async def test_a_form_that_can_not_be_read_is_given_back_unread() -> None:
    only = many("only", answer("no JSON at all"), models=1)
    async with client(only) as opened:
        done = await opened.complete("hi", response_format={"type": "json_object"}, on_bad_answer="return")
    assert (done.text, done.parsed) == ("no JSON at all", None)
    with pytest.raises(UsageError, match="on_bad_answer must be next or return, got 'keep'"):
        await opened.complete("hi", on_bad_answer="keep")  # type: ignore[arg-type]


async def test_a_refused_key_ends_the_request_where_the_table_says_stop() -> None:
    first, second = many("first", AuthError("no", provider="", status=401)), many("second")
    async with client(first, second, fall_over={"auth": "stop"}) as opened:
        with pytest.raises(AuthError):
            await opened.complete("hello")
    assert second.backend.calls == []


async def test_a_refused_request_goes_on_where_the_table_says_next() -> None:
    first, second = many("first", RequestError("no", provider="", status=400)), many("second", answer("two"))
    async with client(first, second, fall_over={"request": "next"}) as opened:
        assert (await opened.complete("hello")).text == "two"


async def test_trouble_is_asked_again_first_where_the_table_says_same() -> None:
    first, second = many("first", DOWN, answer("back"), models=1), many("second", models=1)
    async with client(first, second, fall_over={"overloaded": "same"}) as opened:
        done = await opened.complete("hello")
    assert (done.text, len(first.backend.calls), second.backend.calls) == ("back", 2, [])


async def test_requests_do_not_come_back_again_and_again_to_what_mostly_fails() -> None:
    """Each may wait for a second try, eight seconds at most; together they have a budget."""
    only = many("only", DOWN, models=1)
    async with client(only) as opened:
        for _ in range(40):
            with pytest.raises(Exhausted):
                await opened.complete("hello", timeout=60)
            await opened.clock.sleep(1.0)
        minutes = opened.clock.monotonic() / 60
    assert len(only.backend.calls) <= 40 + 5 + 3 * (minutes + 1)


async def test_a_request_with_time_for_it_waits_for_what_may_be_asked_again_by_then() -> None:
    only = many("only", *[DOWN] * 6, answer("back"), models=1)
    async with client(only) as opened:
        for _ in range(2):
            with pytest.raises(Exhausted):
                await opened.complete("hello", timeout=20)
        # It tests what is closed, and closes it for a minute; of the three retries of this minute none is left.
        done = await opened.complete("hello", timeout=200)
    assert (done.text, len(only.backend.calls)) == ("back", 7)


class Passing(Health):
    """Finds every trouble passing: it closes nothing for others."""

    @override
    def learn(
        self, where: TroublePlace, error: Failure, begun: float, at_once: int = 0, began_mono: float = 0.0
    ) -> Setback:
        return Setback(TroubleScope.MODEL, error.kind, "down", sure=False, cause=Cause.TROUBLE, transient=True)


@pytest.mark.parametrize("named", [None, 5.0])
async def test_passing_trouble_is_asked_again_after_a_back_off_of_the_requests_own(named: float | None) -> None:
    down = Overloaded("down", provider="", status=503)
    world = Rig({"only": ScriptedBackend([down, answer("back")])}, kind_of_health=Passing)
    down.retry_at = None if named is None else world.clock.now() + named
    context = world.context(target("only"))
    await world.loop.run(context, Completing(world.services, context, REQUEST))
    least = back_off("req", "only/m", 1)
    assert world.clock.monotonic() == pytest.approx(max(least, named or 0.0, 0.05), abs=0.01)


async def test_a_request_that_waits_for_trouble_to_pass_hears_at_once_that_the_client_is_closed() -> None:
    failed = anyio.Event()

    def down(_: Call) -> Any:
        failed.set()
        raise DOWN

    only: ScriptedProvider = many("only", down, models=1)
    opened: Client = client(only)
    async with anyio.create_task_group() as group:

        async def asks() -> None:
            with pytest.raises(UsageError, match="the client is closed"):
                await opened.complete("hello")

        group.start_soon(asks)
        await failed.wait()
        await anyio.lowlevel.checkpoint()
        began = opened.clock.monotonic()
        await opened.aclose()
    assert opened.clock.monotonic() - began < 0.5
    assert len(only.backend.calls) == 1
