"""Moments and figures in a plugin's errors that are none: they are its fault, told as such, and break nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest

from shunpike.errors import Overloaded, PluginError, QuotaExhausted, RateLimited
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START
from .test_earliest_retry import ASK, client_of


@pytest.mark.parametrize("moment", [1e18, -1e308, math.inf, math.nan, 10**400, "soon"], ids=range(6))
@pytest.mark.parametrize("error", [RateLimited, Overloaded, QuotaExhausted])
async def test_a_moment_beyond_time_is_its_plugins_mistake(error: Any, moment: Any) -> None:
    refusal = error("slow down", provider="odd", status=429)
    setattr(refusal, "reset_at" if error is QuotaExhausted else "retry_at", moment)
    odd, other = ScriptedProvider("odd", refusal), ScriptedProvider("other", answer("from another"))
    async with client_of(odd, other) as client:
        assert (await client.complete("hello", **ASK)).text == "from another"
    async with client_of(odd) as client:
        with pytest.raises(PluginError, match="not a moment"):
            await client.complete("hello", **ASK)


async def test_a_status_of_thousands_of_digits_is_none() -> None:
    refusal = RateLimited("slow down", provider="odd", status=10**5_000)
    async with client_of(ScriptedProvider("odd", refusal)) as client:
        with pytest.raises(PluginError, match="a status that is none"):
            await client.complete("hello", **ASK)


async def test_a_moment_that_has_passed_is_a_moment() -> None:
    refusal = RateLimited("slow down", provider="odd", status=429)
    refusal.retry_at = START - 86_400.0
    async with client_of(ScriptedProvider("odd", refusal, answer("again"))) as client:
        assert (await client.complete("hello")).text == "again"
