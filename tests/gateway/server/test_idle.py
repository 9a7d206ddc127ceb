"""A gateway that nobody asks hears of what an operator changes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shunpike.cli.main import run
from shunpike.types import Settings

from ..running import RunningGateway  # noqa: TID252 - the tests are no package
from .sockets import PATIENCE


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"store": f"sqlite:{tmp_path}/ledger.db"})


def test_a_switch_is_seen_without_any_request(
    running_gateway: RunningGateway, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.store is not None
    monkeypatch.setenv("SHUNPIKE_STORE", settings.store)
    assert run(["providers", "disable", "sandbox", "--reason", "to see it"]) == 0
    ends_mono = time.monotonic() + PATIENCE
    while running_gateway.client.runtime.snapshot.controls.revision == 0:
        assert time.monotonic() < ends_mono
        time.sleep(0.02)
