"""The host: sorted, isolated, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from shunpike import hookspecs
from shunpike.errors import PluginError
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.types import AttemptsRecovered, Billing, Event, ModelInfo, Price, ProviderInfo, ProviderSettings, Tier
from shunpike_testkit.scripted import ScriptedProvider

HOOKS = sorted(name for name in dir(hookspecs) if name.startswith("shunpike_"))


def info(name: str, order: int = 100) -> ProviderInfo:
    return ProviderInfo(
        id=name,
        title=name.title(),
        base_url="http://127.0.0.1",
        default_tier="free",
        tiers=(Tier(name="free", billing=Billing.NONE),),
        as_of=date(2026, 11, 22),
        source="test",
        order=order,
    )


class Brings:
    def __init__(self, *names: str) -> None:
        self.names = names

    @hookimpl
    def shunpike_providers(self) -> list[ProviderInfo]:
        return [info(name, order) for order, name in enumerate(self.names)]


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_says_what_it_is_for_when_it_is_called_and_what_none_means(name: str) -> None:
    function = getattr(hookspecs, name)
    text = function.__doc__
    arguments = [one for one in function.__annotations__ if one != "return"]
    assert "Called" in text
    assert all(re.search(rf"^\s+{argument}: ", text, re.MULTILINE) for argument in arguments)
    if function.__annotations__["return"] != "None":
        assert "None" in text


def test_an_async_hook_is_refused_by_name() -> None:
    class Wrong:
        @hookimpl
        async def shunpike_cost(self, provider: str, model: ModelInfo) -> None: ...

    with pytest.raises(PluginError, match=r"'wrong': shunpike_cost is async"):
        Host().register(Wrong(), "wrong")


def test_an_unknown_hook_is_refused_by_name() -> None:
    class Wrong:
        @hookimpl
        def shunpike_prize(self) -> None: ...

    with pytest.raises(PluginError, match="there is no hook shunpike_prize"):
        Host().register(Wrong(), "wrong")


def test_a_hook_with_an_argument_that_is_not_in_the_spec_is_refused() -> None:
    class Wrong:
        @hookimpl
        def shunpike_store(self, address: str) -> None: ...

    host = Host()
    with pytest.raises(PluginError, match="address"):
        host.register(Wrong(), "wrong")
    assert host.store("memory:") is None


def test_an_object_without_hooks_is_no_plugin() -> None:
    with pytest.raises(PluginError, match="implements no hook"):
        Host().register(object(), "empty")


def test_a_refused_plugin_leaves_nothing_behind() -> None:
    class Wrong:
        @hookimpl
        def shunpike_providers(self) -> list[str]:
            return ["not an info"]

    host = Host()
    with pytest.raises(PluginError, match=r"'wrong': shunpike_providers must answer with a list of ProviderInfo"):
        host.register(Wrong(), "wrong")
    assert host.providers() == ()
    host.register(Brings("fine"), "wrong")
    assert [one.id for one in host.providers()] == ["fine"]


def test_two_plugins_with_one_provider_are_both_named() -> None:
    host = Host()
    host.register(Brings("acme"), "first")
    with pytest.raises(PluginError, match=r"'second' brings the provider 'acme', which plugin 'first'"):
        host.register(Brings("acme"), "second")
    assert host.owner("acme") == "first"


def test_providers_come_in_their_order() -> None:
    host = Host()
    host.register(Brings("zeta", "alpha"), "z")
    assert [one.id for one in host.providers()] == ["zeta", "alpha"]


def test_an_answer_of_the_wrong_type_names_its_plugin() -> None:
    class Wrong(Brings):
        @hookimpl
        def shunpike_completion(self, provider: str) -> str:
            return "a backend, honestly"

    host = Host()
    host.register(Wrong("acme"), "liar")
    from shunpike.types import ProviderSettings

    with pytest.raises(PluginError, match=r"'liar': shunpike_completion answered with str, not with a Backend"):
        host.backend("acme", ProviderSettings())


def test_a_raising_hook_names_its_plugin() -> None:
    class Wrong(Brings):
        @hookimpl
        def shunpike_cost(self, provider: str) -> Price:
            raise ZeroDivisionError("oops")

    host = Host()
    host.register(Wrong("acme"), "clumsy")
    model = ModelInfo(provider="acme", id="m", as_of=date(2026, 11, 22), source="test")
    with pytest.raises(PluginError, match=r"'clumsy': shunpike_cost raised ZeroDivisionError: oops"):
        host.price(model, datetime(2026, 11, 22, tzinfo=UTC), 1)


def test_an_observer_that_raises_does_not_keep_the_event_from_others() -> None:
    seen: list[str] = []

    class Wrong:
        @hookimpl
        def shunpike_event(self, event: Event) -> None:
            raise OSError("disk full")

    class Sees:
        @hookimpl
        def shunpike_event(self, event: Event) -> None:
            seen.append(event.name)

    host = Host()
    host.register(Wrong(), "a")
    host.register(Sees(), "b")
    host.register(Wrong(), "c")
    host.emit(AttemptsRecovered(at=0.0, count=1))
    assert seen.count("attempts.recovered") == 1


def test_a_plugin_may_take_fewer_arguments_and_wrap_the_answers_of_others() -> None:
    class Names:
        @hookimpl
        def shunpike_world(self) -> None: ...

        @hookimpl(wrapper=True)
        def shunpike_store(self) -> Any:
            answer = yield
            return answer

    host = Host()
    host.register(Names(), "wraps")
    assert host.store("nothing:") is None


def test_a_disabled_plugin_is_not_loaded() -> None:
    assert "builtin" in {one.name for one in Host.load().loaded}
    assert "builtin" not in {one.name for one in Host.load(disabled=("builtin",)).loaded}


def test_the_entry_point_of_every_package_here_loads() -> None:
    host = Host.load()
    assert host.broken == ()
    assert len(host.providers()) >= 8


def test_a_broken_package_is_listed_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "shunpike_cracked.py"
    module.write_text("raise ImportError('no module named left_pad')\n")
    meta = tmp_path / "shunpike_cracked-2.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: shunpike-cracked\nVersion: 2.0\n")
    (meta / "entry_points.txt").write_text("[shunpike]\ncracked = shunpike_cracked:plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    host = Host.load()
    (broken,) = host.broken
    assert (broken.name, broken.distribution, broken.version) == ("cracked", "shunpike-cracked", "2.0")
    assert "left_pad" in broken.reason
    assert len(host.providers()) >= 8


def test_strategies_are_named_by_the_plugins_that_tell_of_them() -> None:
    class Tells:
        @hookimpl
        def shunpike_strategy_names(self) -> Sequence[str]:
            return ["zig", "zag", "zag"]

    class TellsNonsense:
        @hookimpl
        def shunpike_strategy_names(self) -> Any:
            return "zog"

    class Breaks:
        @hookimpl
        def shunpike_strategy_names(self) -> Sequence[str]:
            raise RuntimeError("no idea")

    host = Host()
    for plugin in (Tells(), TellsNonsense(), Breaks()):
        host.register(plugin, type(plugin).__name__.lower())

    assert host.strategy_names() == ("zag", "zig")


def test_options_reach_a_strategy() -> None:
    class Picky:
        name = "picky"

        def rank(self, candidates: Any, request: Any, view: Any) -> Any:
            return candidates

    class Brought:
        @hookimpl
        def shunpike_routing_strategy(self, name: str, options: Mapping[str, Any]) -> Picky | None:
            return Picky() if name == "picky" and options == {"depth": 3} else None

    host = Host()
    host.register(Brought(), "picky")
    assert host.strategy("picky", {"depth": 3}) is not None
    assert host.strategy("picky", {}) is None


class Odd:
    """Answers for a provider that another plugin brings."""

    @hookimpl(tryfirst=True)
    def shunpike_models(self, provider: str) -> object:
        return 7

    @hookimpl(tryfirst=True)
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> object:
        return "a backend"

    @hookimpl(tryfirst=True)
    def shunpike_cost(self, provider: str, model: ModelInfo) -> object:
        raise RuntimeError("no price")

    @hookimpl(tryfirst=True)
    def shunpike_limits(self, provider: str, model: ModelInfo) -> object:
        return [7]

    @hookimpl(tryfirst=True)
    def shunpike_tokenizer(self, model: str) -> object:
        raise SystemExit(3)


@pytest.mark.parametrize(
    "ask",
    [
        lambda host, model: host.models("acme"),
        lambda host, model: host.backend("acme", ProviderSettings()),
        lambda host, model: host.price(model, datetime.now(UTC), 7),
        lambda host, model: host.limits(model, "free"),
        lambda host, model: host.tokenizer("m"),
    ],
    ids=["models", "backend", "price", "limits", "tokenizer"],
)
def test_who_answered_is_named_and_not_who_brings_the_provider(ask: Callable[[Host, ModelInfo], object]) -> None:
    host = Host()
    host.register(ScriptedProvider("acme"), "acme-plugin")
    (model,) = host.models("acme")
    host.register(Odd(), "odd")
    with pytest.raises(PluginError, match="plugin 'odd'") as caught:
        ask(host, model)
    assert caught.value.plugin == "odd"
