"""Models and strategies that aliases, rules and the default name, and that nobody here has."""

from __future__ import annotations

from collections.abc import Iterator

from shunpike.config.doubts import SHOWN, Doubt
from shunpike.errors import PluginError, UnknownModel
from shunpike.plugins import Host
from shunpike.routing.names import wanted_models
from shunpike.types import ModelInfo, RoutingRule, Settings
from shunpike.types.base import ANY
from shunpike.validation import near


def alias_doubts(settings: Settings, host: Host) -> Iterator[Doubt]:
    """Yield the doubts about names of models; what a custom endpoint may have is none."""
    own = tuple(name for name, section in settings.providers.items() if section.is_custom_endpoint)
    catalog = _catalog(host)
    providers = (*(info.id for info in host.providers()), *settings.providers)
    for place, name in _models(settings):
        provider, slash, rest = name.partition("/")
        if name in settings.models or provider in own or (own and not slash):
            continue
        section = settings.providers.get(provider)
        asked = f"{section.plugin}/{rest}" if section is not None and section.plugin is not None and slash else name
        try:
            wanted_models(asked, (), catalog, providers)
        except UnknownModel as error:
            yield Doubt(text=f"{place}: {error.message}", name=name, hint=error.hint or SHOWN, loud=False)


def alias_strategies(settings: Settings, host: Host) -> Iterator[Doubt]:
    """Yield the doubts about strategies of aliases and rules that no plugin has."""
    named = [(f"models.{name}.strategy", one.strategy, one.strategy_options) for name, one in settings.models.items()]
    named += [(f"routing.rule[{place}].strategy", one.strategy, {}) for place, one in _rules(settings)]
    for place, name, options in named:
        if name is not None and host.strategy(name, options) is None:
            known = host.strategy_names()
            text = f"{place}: no installed plugin has one called {name!r}{near(name, known)}"
            yield Doubt(text=text, name=name, hint=f"there are: {', '.join(known)}", fatal=True)


def _models(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.default_model != ANY:
        yield "default_model", settings.default_model
    for name, alias in settings.models.items():
        yield from ((f"models.{name}.targets", one.model) for one in alias.targets)
    yield from ((f'models.map["{pattern}"]', name) for pattern, name in settings.model_map.items())
    yield from ((f"routing.rule[{place}].use", one.use) for place, one in _rules(settings) if one.use is not None)


def _rules(settings: Settings) -> Iterator[tuple[int, RoutingRule]]:
    yield from enumerate(settings.routing.rule, 1)


def _catalog(host: Host) -> tuple[ModelInfo, ...]:
    found: list[ModelInfo] = []
    for info in host.providers():
        try:
            found += host.models(info.id)
        except PluginError:
            continue  # It is told of where plugins are.
    return tuple(found)
