from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pluggy
import pytest

from shunpike import hookspecs
from shunpike.errors import ConfigError, NoCredential
from shunpike.types import ProviderSettings
from shunpike.wire import ChatBackend, Dialect, ModelsProbe, OpenAICompatible, require_key
from shunpike_testkit.upstream import Upstream, reply

FILE = """
as_of = 2026-11-22
source = "https://example.com/docs"

[provider]
id = "acme"
title = "Acme"
env_key = "ACME_API_KEY"
base_url = "https://api.example.com/v1"
default_tier = "free"

[tiers.free]
billing = "none"

[dialect]
{dialect}
"""
MODULE = '''"""A whole provider."""

from shunpike.wire import OpenAICompatible

plugin = OpenAICompatible.of_package(__name__)
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "acme_plugin"
    folder.mkdir()
    (folder / "__init__.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    sys.modules.pop("acme_plugin", None)


def test_a_provider_is_a_file_and_one_line(package: Path) -> None:
    (package / "provider.toml").write_text(FILE.format(dialect='max_tokens_name = "max_tokens"'))
    import acme_plugin  # type: ignore[import-not-found]

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(acme_plugin.plugin)
    manager.check_pending()
    assert [info.id for [info] in manager.hook.shunpike_providers()] == ["acme"]
    backend = manager.hook.shunpike_completion(provider="acme", settings=ProviderSettings(key="k"))
    assert isinstance(backend, ChatBackend)
    assert backend.dialect == Dialect(max_tokens_name="max_tokens")
    assert manager.hook.shunpike_completion(provider="other", settings=ProviderSettings(key="k")) is None
    assert isinstance(manager.hook.shunpike_health(provider="acme", settings=ProviderSettings(key="k")), ModelsProbe)


def test_a_mistake_in_the_dialect_names_file_and_key(package: Path) -> None:
    (package / "provider.toml").write_text(FILE.format(dialect="dorp = []"))
    import acme_plugin

    with pytest.raises(ConfigError, match=r"acme_plugin/provider\.toml: \[dialect\] key 'dorp' .* 'drop'"):
        acme_plugin.plugin.shunpike_completion("acme", ProviderSettings(key="k"))


def test_a_provider_that_lists_no_models_has_no_probe() -> None:
    silent = OpenAICompatible.of_text(FILE.format(dialect='models_at = ""'), "x")
    with pytest.raises(ConfigError, match="models_at"):
        silent.shunpike_health("acme", ProviderSettings(key="k"))
    silent = OpenAICompatible.of_text(FILE.format(dialect='models_path = ""'), "x")
    assert silent.shunpike_health("acme", ProviderSettings(key="k")) is None
    assert silent.shunpike_health("other", ProviderSettings(key="k")) is None


@pytest.mark.parametrize(
    ("settings", "variable"),
    [({}, "ACME_API_KEY"), ({"key_env": "MINE"}, "MINE"), ({"key": " "}, "ACME_API_KEY")],
)
def test_a_missing_key_names_the_variable(settings: dict[str, Any], variable: str) -> None:
    with pytest.raises(NoCredential, match=variable):
        OpenAICompatible.of_text(FILE.format(dialect=""), "x").shunpike_completion("acme", ProviderSettings(**settings))


def test_a_provider_may_need_no_key(make_info: Callable[..., Any]) -> None:
    assert require_key(make_info(env_key=None), ProviderSettings()) is None
    assert require_key(make_info(), ProviderSettings(key="k")) == "k"


async def test_a_backend_of_ones_own_class_talks_to_an_address_of_ones_own() -> None:
    class Own(ChatBackend):
        pass

    made = OpenAICompatible.of_text(FILE.format(dialect=""), "x", Own)
    async with Upstream() as upstream:
        upstream.on("/models", reply({"data": [{"id": "m1"}]}))
        settings = ProviderSettings(key="k", base_url=upstream.base_url)
        backend = made.shunpike_completion("acme", settings)
        probe = made.shunpike_health("acme", settings)
        assert isinstance(backend, Own)
        assert probe is not None
        assert await probe.check() == "1 model"
        await probe.aclose()
        await backend.aclose()
