"""Figures that are wrong on purpose: what is billed stays what was generated."""

from __future__ import annotations

import pytest

from shunpike_sandbox import faults
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.names import PROVIDERS

from .conftest import Caller


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", [faults.ZERO_USAGE, faults.ODD_USAGE, faults.BILLED_ERROR])
async def test_an_answer_with_wrong_figures_is_billed_like_a_good_one(
    caller: Caller, provider: str, stream: bool, kind: str
) -> None:
    caller.world.set_faults(Faults(script=(None, kind)))
    good = await caller.ask(provider, key="sandbox-paid", stream=stream)
    odd = await caller.ask(provider, key="sandbox-paid", stream=stream)
    first, second = caller.books(provider)["attempts"]
    assert (good.status_code, odd.status_code) == (200, 200)
    assert good.text != odd.text
    assert first["billed_pico"] == second["billed_pico"]
    assert first["completion_tokens"] == second["completion_tokens"] > 0


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "kind", [faults.LATE_ERROR, faults.SHRUNK_USAGE, faults.ZERO_END, faults.LATE_USAGE, faults.TWICE]
)
async def test_a_stream_with_figures_in_the_wrong_place_is_billed_like_a_good_one(
    caller: Caller, provider: str, kind: str
) -> None:
    caller.world.set_faults(Faults(script=(None, kind)))
    good = await caller.ask(provider, key="sandbox-paid", stream=True)
    odd = await caller.ask(provider, key="sandbox-paid", stream=True)
    first, second = caller.books(provider)["attempts"]
    assert good.text != odd.text
    assert first["billed_pico"] == second["billed_pico"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_that_is_billed_states_its_figures(caller: Caller, provider: str, stream: bool) -> None:
    caller.world.set_faults(Faults(script=(None, faults.BILLED_REFUSAL)))
    await caller.ask(provider, key="sandbox-paid", stream=stream)
    refused = await caller.ask(provider, key="sandbox-paid", stream=stream)
    first, second = caller.books(provider)["attempts"]
    assert refused.status_code == second["status"] >= 500
    assert "usage" in refused.text
    assert first["billed_pico"] == second["billed_pico"]


async def test_a_kind_that_misleads_comes_only_when_it_is_named() -> None:
    assert not set(faults.MISSTATING) & set(Faults().kinds)
