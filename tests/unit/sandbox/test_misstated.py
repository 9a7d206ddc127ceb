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


async def test_a_kind_that_misleads_comes_only_when_it_is_named() -> None:
    assert not set(faults.MISSTATING) & set(Faults().kinds)
