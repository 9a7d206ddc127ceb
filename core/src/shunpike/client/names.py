"""Names in the configuration that exist nowhere: where money hangs on one it is an error, elsewhere a doubt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, distribution, entry_points

from shunpike.errors import ConfigError, ShunpikeError, UsageError
from shunpike.hookspecs import ENTRY_POINT_GROUP
from shunpike.plugins import Host
from shunpike.types import ProviderSettings, Settings
from shunpike.types.base import Record

CORE = "shunpike"
_REQUIREMENT = re.compile(r"""^\s*(?P<name>[A-Za-z0-9._-]+)[^;]*;.*\bextra\s*==\s*['"](?P<extra>[^'"]+)['"]""")
_SHOWN = "shunpike config show --origin"
_OWN = 'for a server of your own, say in [providers.{}]: plugin = "NAME" (whose language it speaks), price = "free"'


class Doubt(Record):
    """A name that does not exist here. ``fatal``: nothing can be asked before it is corrected."""

    text: str
    name: str
    hint: str = _SHOWN
    fatal: bool = False


def known_plugins(requirements: Iterable[str] | None = None) -> dict[str, str]:
    """Return extra → distribution of the plugins that this version of shunpike can be installed with."""
    if requirements is None:
        try:
            requirements = distribution(CORE).requires or []
        except PackageNotFoundError:
            requirements = []
    matches = [found for line in requirements if (found := _REQUIREMENT.match(line))]
    return {found["extra"]: found["name"] for found in matches if found["name"] == f"{CORE}-{found['extra']}"}


def near(word: str, known: Iterable[str]) -> str:
    """Return ``. Did you mean 'x'?`` for a near miss, whatever its capitals, else nothing."""
    plain = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), plain, n=1, cutoff=0.65)
    return f". Did you mean {plain[found[0]]!r}?" if found else ""


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
            hint=f"correct its name; where it comes from: {_SHOWN}   ·   the names: shunpike providers",
        )


def doubts(settings: Settings, host: Host) -> tuple[Doubt, ...]:
    """Return every name in ``settings`` that is of nothing here, with the nearest one that is."""
    here = _present(settings, host)
    found = []
    for name, section in settings.providers.items():
        plugin = section.plugin or name
        if plugin not in host_ids(host):
            text = _nobody_behind(name, section) + near(plugin, host_ids(host))
            found.append(Doubt(text=text, name=plugin, hint=_SHOWN if section.base_url is None else _OWN.format(name)))
    for name in settings.order:
        if name not in here:
            found.append(Doubt(text=f"order: there is no provider {name!r}{near(name, here)}", name=name))
    plugins = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)} | {one.name for one in host.loaded}
    for name in settings.disabled_plugins:
        if name not in plugins:
            found.append(Doubt(text=f"disabled_plugins: there is no plugin {name!r}{near(name, plugins)}", name=name))
    if host.strategy(settings.strategy, settings.strategy_options) is None:
        name = settings.strategy
        text = f"strategy: no installed plugin has one called {name!r}{near(name, ['priority'])}"
        found.append(Doubt(text=text, name=name, hint='the default is "priority"', fatal=True))
    return tuple(found)


def explained(error: UsageError, names: Iterable[str], settings: Settings, host: Host) -> ShunpikeError:
    """Return why nobody is called one of ``names`` where a section is: what it lacks. Else ``error`` itself."""
    for name, section in ((name, settings.providers[name]) for name in names if name in settings.providers):
        if (section.plugin or name) not in host_ids(host):
            return ConfigError(
                _nobody_behind(name, section), hint=_SHOWN if section.base_url is None else _OWN.format(name)
            )
        if section.plugin is not None and section.base_url is not None and not section.own_endpoint:
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
