"""Names in the configuration that exist nowhere: where money hangs on one it is an error, elsewhere a doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points

from shunpike.config import KeyStore, Loaded
from shunpike.config.admin_key import STORED_AS
from shunpike.config.doubts import SHOWN, Doubt
from shunpike.config.warned import warn_once
from shunpike.errors import ConfigError, PluginError, ShunpikeError, UsageError
from shunpike.hookspecs import ENTRY_POINT_GROUP
from shunpike.installation import known_plugins
from shunpike.plugins import Host
from shunpike.runtime.alias_doubts import alias_doubts, alias_strategies
from shunpike.types import ProviderSettings, Settings
from shunpike.validation import near

_OWN = 'for a custom endpoint, say in [providers.{}]: plugin = "NAME" (whose language it speaks), price = "free"'


def check_budgets(settings: Settings, host: Host) -> None:
    """Raise `ConfigError` for a budget of a provider that does not exist: it would bound nothing.

    One whose plugin is not installed here, is switched off or is broken may have a budget: files are shared.
    """
    present = {*_present(settings, host), *settings.providers}
    for budget in settings.budgets:
        name = budget.provider
        if name is None or name in present or name in known_plugins() or name in settings.disabled_plugins:
            continue
        if any(one.name == name for one in host.broken):
            continue
        raise ConfigError(
            f"budgets: there is no provider {name!r}, so that its budget of {budget.amount} bounds nothing"
            f"{near(name, present)}",
            hint=f"correct its name; where it comes from: {SHOWN}   ·   the names: shunpike providers",
        )


def doubts(settings: Settings, host: Host, places: Mapping[str, str] | None = None) -> tuple[Doubt, ...]:
    """Return every name in ``settings`` that is of nothing here, with the nearest one that is.

    ``places`` tells where each setting stands.
    """
    return (*_names(settings, host, places or {}), *strategy_doubts(settings, host))


def _names(settings: Settings, host: Host, places: Mapping[str, str]) -> tuple[Doubt, ...]:
    found = (
        *_sections(settings, host),
        *_models(settings, host),
        *_listed(settings, host),
        *alias_doubts(settings, host),
    )
    return tuple(_placed(one, places) for one in found)


def _listed(settings: Settings, host: Host) -> Iterator[Doubt]:
    here = _present(settings, host)
    yield from (_nobody("order", name, "provider", here) for name in settings.order if name not in here)
    if settings.disabled_plugins:
        plugins = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)} | {one.name for one in host.loaded}
        unknown = [name for name in settings.disabled_plugins if name not in plugins]
        yield from (_nobody("disabled_plugins", name, "plugin", plugins) for name in unknown)


def strategy_doubts(settings: Settings, host: Host) -> Iterator[Doubt]:
    """Yield the doubt about a strategy that no plugin has."""
    if host.strategy(settings.strategy, settings.strategy_options) is None:
        name, known = settings.strategy, host.strategy_names()
        text = f"strategy: no installed plugin has one called {name!r}{near(name, known)}"
        yield Doubt(text=text, name=name, hint=f"there are: {', '.join(known)}", fatal=True)
    yield from alias_strategies(settings, host)


def key_doubts(settings: Settings, host: Host, keys: KeyStore) -> tuple[Doubt, ...]:
    """Return what stands in the file of stored keys and is no key of anybody here. Raises `ConfigError`."""
    here = _present(settings, host)
    stored = [
        Doubt(
            text=f"{keys.path}: {name} is no text in quotes, so that it is not read as a key",
            name=name,
            hint=f"store it again: shunpike keys set {name}",
        )
        for name in keys.strange()
    ]
    for name in keys.names():
        if name not in here and name != STORED_AS:
            one = _nobody(str(keys.path), name, "provider", here)
            stored.append(one.model_copy(update={"hint": f"if it is of no use: shunpike keys rm {name}"}))
    return tuple(stored)


def all_doubts(loaded: Loaded, host: Host, keys: KeyStore) -> tuple[Doubt, ...]:
    """Return the doubts about settings, the names in them, and stored keys as far as these can be read."""
    found = (*loaded.doubts, *_names(loaded.settings, host, loaded.places))
    try:
        return (*found, *key_doubts(loaded.settings, host, keys))
    except ConfigError:
        return found  # Whoever needs a stored key is told.


def warn_of(loaded: Loaded, host: Host, keys: KeyStore) -> None:
    """Warn of every doubt that is worth it at work, once in a process; a strategy is looked for when it is used."""
    for one in all_doubts(loaded, host, keys):
        if one.loud:
            warn_once(one.text, one.hint)


def _placed(one: Doubt, places: Mapping[str, str]) -> Doubt:
    key = one.text.partition(":")[0]
    place = places.get(key, places.get(key.rpartition(".")[0]))
    return one if place is None else one.model_copy(update={"text": f"{place}: {one.text}"})


def _nobody(where: str, name: str, what: str, known: Iterable[str]) -> Doubt:
    """Return the doubt about a name; what can be installed is there on other machines that read the same file."""
    text = f"{where}: there is no {what} {name!r}{near(name, known)}"
    return Doubt(text=text, name=name, loud=name not in known_plugins())


def _sections(settings: Settings, host: Host) -> Iterator[Doubt]:
    for name, section in settings.providers.items():
        plugin = section.plugin or name
        if plugin not in host_ids(host) and plugin not in {one.name for one in host.broken}:
            text = _nobody_behind(name, section) + near(plugin, host_ids(host))
            hint = SHOWN if section.base_url is None else _OWN.format(name)
            quiet = plugin in known_plugins() or plugin in settings.disabled_plugins
            yield Doubt(text=text, name=plugin, hint=hint, loud=not quiet)


def _models(settings: Settings, host: Host) -> Iterator[Doubt]:
    """Models that a section names and its provider's catalog has not; a custom endpoint knows best itself."""
    for name, section in settings.providers.items():
        plugin = section.plugin or name
        if not section.models or section.is_custom_endpoint or plugin not in host_ids(host):
            continue
        try:
            known = [model.id for model in host.models(plugin)]
        except PluginError:
            continue
        for model in section.models:
            if model not in known:
                text = f"providers.{name}.models: {plugin} has no model {model!r}{near(model, known)}"
                yield Doubt(text=text, name=model, hint=f"shunpike models --provider {name}")


def broken_plugin(name: str, settings: Settings, host: Host) -> ConfigError | None:
    """Return why nobody is called ``name`` where its plugin is there and could not be loaded, else None."""
    section = settings.providers.get(name)
    plugin = (section.plugin if section is not None else None) or name
    broken = None if plugin in host_ids(host) else next((one for one in host.broken if one.name == plugin), None)
    if broken is None:
        return None
    return ConfigError(
        f"the plugin {broken.name} ({broken.distribution} {broken.version}) is broken: {broken.reason}",
        hint=f"upgrade or uninstall {broken.distribution}   ·   what is loaded: shunpike plugins",
    )


def explained(error: UsageError, names: Iterable[str], settings: Settings, host: Host) -> ShunpikeError:
    """Return why nobody is called one of ``names`` where a section or a broken plugin is. Else ``error`` itself."""
    names = tuple(names)
    for name in names:
        if (broken := broken_plugin(name, settings, host)) is not None:
            return broken
    for name, section in ((name, settings.providers[name]) for name in names if name in settings.providers):
        if (section.plugin or name) not in host_ids(host):
            return ConfigError(
                _nobody_behind(name, section), hint=SHOWN if section.base_url is None else _OWN.format(name)
            )
        if section.plugin is not None and section.base_url is not None and not section.is_custom_endpoint:
            error.hint = _OWN.format(name)
    return error


def _nobody_behind(name: str, section: ProviderSettings) -> str:
    key = f"providers.{name}" if section.plugin is None else f"providers.{name}.plugin"
    return f"{key}: no installed plugin brings {section.plugin or name!r}, so the section does nothing"


def host_ids(host: Host) -> tuple[str, ...]:
    """Return the providers that installed plugins bring."""
    return tuple(info.id for info in host.providers())


def _present(settings: Settings, host: Host) -> tuple[str, ...]:
    """Return the providers that can be meant: those of plugins, and sections that have a plugin behind them."""
    ids = host_ids(host)
    return (*ids, *(name for name, section in settings.providers.items() if (section.plugin or name) in ids))
