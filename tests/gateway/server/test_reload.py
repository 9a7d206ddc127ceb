"""Settings that are read again while it runs: all of them hold, or none."""

from __future__ import annotations

import errno
import re
import socket
from pathlib import Path

import pytest

from shunpike.config import Loaded
from shunpike.errors import ConfigError
from shunpike.types import GatewaySettings, Settings
from shunpike_gateway.server import bounded, listening

from ..running import InProcessGateway, RunningGateway  # noqa: TID252 - the tests are no package

PAGE = Path(__file__).parents[3] / "docs/configuration.md"
STAYS = {"host", "port", "workers"}
OTHERS = GatewaySettings(
    host="127.0.0.2", port=1, workers=2, origins=("https://a.example",), hosts=("a.example",), max_body=2048,
    header_timeout=1, body_timeout=2, connections=3, concurrency=4, queue=5, drain=6, commit_after=7, keep_alive=8,
    max_wait=9, replay_memory=10, store_responses=True, admin=False, metrics="open",
)  # fmt: skip


def loaded(settings: Settings, gateway: GatewaySettings) -> Loaded:
    return Loaded.of(settings.model_copy(update={"gateway": gateway}))


async def test_each_setting_is_in_force_at_once_but_for_those_of_the_socket(
    gateway: InProcessGateway, settings: Settings
) -> None:
    surface, protocol = gateway.surface, bounded(gateway.surface)
    before = surface.settings
    surface.apply(loaded(settings, OTHERS))
    found = surface.settings
    assert {name for name in type(found).model_fields if getattr(found, name) == getattr(before, name)} == STAYS
    assert protocol.surface.settings is surface.relay.settings is found
    assert (surface.admission.concurrency, surface.admission.queue) == (4, 5)
    assert surface.relay.replay.seconds == 10
    assert surface.responses.kept is not None  # one process answers as before, whatever the file says
    page = {"host": "a.example", "origin": "https://a.example"}
    assert (await gateway.get("/metrics", page)).status == 200
    assert (await gateway.get("/admin/v1/controls", page)).status == 404


def test_the_page_of_settings_says_which_stay() -> None:
    sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    stay = {one.partition('"gateway-')[2].partition('"')[0] for one in sections if "SIGHUP does not change it" in one}
    assert stay == STAYS


async def test_where_the_admin_key_can_not_be_one_nothing_changes(settings: Settings) -> None:
    environ: dict[str, str] = {}
    async with InProcessGateway(settings, environ=environ) as gateway:
        environ["SHUNPIKE_ADMIN_KEY"] = "short"
        with pytest.raises(ConfigError, match="16 are the least"):
            gateway.surface.apply(loaded(settings.model_copy(update={"strategy": "cheapest"}), OTHERS))
        assert gateway.surface.settings == gateway.client.settings.gateway == settings.gateway
        assert gateway.client.settings.strategy == settings.strategy


def test_a_port_that_needs_rights_is_told_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*address: object, **options: object) -> socket.socket:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", denied)
    with pytest.raises(ConfigError, match="port 80: Permission denied") as raised:
        listening("127.0.0.1", 80)
    assert "--port 0" in (raised.value.hint or "")


def test_the_tests_hear_at_once_of_a_gateway_that_does_not_start(settings: Settings) -> None:
    with (
        pytest.raises(ConfigError, match="16 are the least"),
        RunningGateway(settings, environ={"SHUNPIKE_ADMIN_KEY": "short"}),
    ):
        pass
