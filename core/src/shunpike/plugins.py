"""The host: loads plugins and is the only caller of hooks.

Entry points are sorted by name, so that every machine gets the same order; each is imported on its own, so that a
broken one is listed with its reason and breaks nothing; what comes back is checked, and a wrong answer names its
plugin.
"""

# mypy: disable-error-code="type-abstract"
# The answers of hooks are checked against protocols, which are abstract.

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Self, TypeVar

import pluggy

from shunpike import hookspecs
from shunpike.clock import Clock, SystemClock
from shunpike.complaints import Complaints, in_words
from shunpike.errors import PluginError, ShunpikeError
from shunpike.protocols import Backend, HealthProbe, Store, Strategy, Tokenizer, World
from shunpike.types import Event, Limit, ModelInfo, PluginBroken, Price, ProviderInfo, ProviderSettings
from shunpike.types.plugin import Broken, LoadedPlugin

T = TypeVar("T")


class Host:
    """Plugins, and typed calls of their hooks."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._known = {name for name in dir(hookspecs) if name.startswith("shunpike_")}
        self._loaded: dict[str, LoadedPlugin] = {}
        self._broken: dict[str, Broken] = {}
        self._infos: dict[str, tuple[ProviderInfo, str]] = {}
        self._makers: dict[int, tuple[object, str]] = {}
        self.complaints = Complaints()
        self.clock: Clock = SystemClock()
        """Whose time events of the host have: the client's."""

    @classmethod
    def load(cls, disabled: Sequence[str] = ()) -> Self:
        """Return a host with every installed plugin, apart from those named in ``disabled``."""
        host = cls()
        found = sorted(entry_points(group=hookspecs.ENTRY_POINT_GROUP), key=lambda point: point.name, reverse=True)
        # The last one registered answers first: the core's own go in before everybody's, then Z to A.
        for point in sorted(found, key=lambda point: point.name != "builtin"):
            if point.name not in disabled:
                host._load(point)
        return host

    def _load(self, point: EntryPoint) -> None:
        distribution = point.dist.name if point.dist else "?"
        version = point.dist.version if point.dist else "?"
        try:
            self.register(point.load(), point.name, distribution=distribution, version=version)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module may raise anything as it loads
            reason = error.message if isinstance(error, ShunpikeError) else in_words(error)
            self._broken[point.name] = Broken(
                name=point.name, distribution=distribution, version=version, reason=reason
            )

    def register(self, plugin: object, name: str, *, distribution: str = "", version: str = "") -> None:
        """Add ``plugin`` under ``name``. Raises `PluginError` for async or unknown hooks, and leaves nothing behind."""
        hooks = self._checked_hooks(plugin, name)
        try:
            self._manager.register(plugin, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.has_plugin(name) and self._manager.get_plugin(name) is plugin:
                self._manager.unregister(plugin, name)
            raise PluginError(f"plugin {name!r}: {error}", plugin=name) from error
        try:
            infos = self._provider_infos(plugin, name)
        except PluginError:
            self._manager.unregister(plugin, name)
            raise
        self._infos.update({info.id: (info, name) for info in infos})
        self._loaded[name] = LoadedPlugin(
            name=name,
            distribution=distribution,
            version=version,
            hooks=hooks,
            providers=tuple(info.id for info in infos),
        )

    def _checked_hooks(self, plugin: object, name: str) -> tuple[str, ...]:
        hooks = []
        for attribute in dir(plugin):
            options = self._manager.parse_hookimpl_opts(plugin, attribute)
            if options is None:
                continue
            hook = options.get("specname") or attribute
            function = getattr(plugin, attribute)
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
                raise PluginError(
                    f"plugin {name!r}: {hook} is async; a hook answers at once, with an object that may be async",
                    plugin=name,
                )
            if hook not in self._known and not options.get("optionalhook"):
                raise PluginError(f"plugin {name!r}: there is no hook {hook}", plugin=name)
            hooks.append(hook)
        if not hooks:
            raise PluginError(f"plugin {name!r} implements no hook: is the entry point the right object?", plugin=name)
        return tuple(sorted(hooks))

    def _provider_infos(self, plugin: object, name: str) -> tuple[ProviderInfo, ...]:
        infos: list[ProviderInfo] = []
        for owner, answer in self._each("shunpike_providers", isolate=False):
            if self._manager.get_plugin(owner) is not plugin or answer is None:
                continue
            for info in _listed(answer, ProviderInfo, "shunpike_providers", name):
                if info.id in self._infos:
                    other = self._infos[info.id][1]
                    raise PluginError(
                        f"plugin {name!r} brings the provider {info.id!r}, which plugin {other!r} already brings",
                        plugin=name,
                    )
                infos.append(info)
        return tuple(infos)

    def _each(self, hook: str, *, isolate: bool = True, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call each implementation on its own: in one pluggy call, one that raises loses the answers of all."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        for implementation in reversed(caller.get_hookimpls()):
            wanted = {key: arguments[key] for key in implementation.argnames}
            try:
                yield implementation.plugin_name, implementation.function(**wanted)
            except (Exception, SystemExit) as error:
                if not isolate:
                    raise _blamed(implementation.plugin_name, hook, error) from error
                self.complain(implementation.plugin_name, hook, error)

    def complain(self, plugin: str, hook: str, error: BaseException) -> None:
        """Warn, once for each plugin, of what went wrong in it and could be done without."""
        if self.complaints.note(plugin, hook, error):
            self.emit(PluginBroken(at=self.clock.now(), plugin=plugin, what=hook, error=in_words(error)))

    def _first(
        self, hook: str, expected: type[T], owner: str, *, only: str | None = None, **arguments: Any
    ) -> T | None:
        """Return the first answer; with ``only`` that plugin's, as far as wrappers let it through."""
        try:
            caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
            if only is not None:
                others = [self._manager.get_plugin(name) for name in self._in_order(hook) if name != only]
                caller = self._manager.subset_hook_caller(hook, others)
            answer: object = caller(**arguments)
        except ShunpikeError:
            raise
        except (Exception, SystemExit) as error:
            raise _blamed(self._who(hook, arguments, owner), hook, error) from error
        if answer is None or isinstance(answer, expected):
            return answer
        who = self._who(hook, arguments, owner)
        raise PluginError(
            f"plugin {who!r}: {hook} answered with {type(answer).__name__}, not with a {expected.__name__}", plugin=who
        )

    def _who(self, hook: str, arguments: Mapping[str, Any], owner: str) -> str:
        """Return whose answer, or failure, was the first: asked again one by one, as pluggy does not tell."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        for one in reversed(caller.get_hookimpls()):
            if one.wrapper or one.hookwrapper:
                continue
            try:
                found = one.function(**{key: arguments[key] for key in one.argnames})
            except (Exception, SystemExit):  # noqa: BLE001 - it is looked for who does so
                return one.plugin_name
            if found is not None:
                return one.plugin_name
        return owner

    @property
    def loaded(self) -> tuple[LoadedPlugin, ...]:
        """The plugins that work, by name."""
        return tuple(self._loaded[name] for name in sorted(self._loaded))

    @property
    def broken(self) -> tuple[Broken, ...]:
        """The plugins that could not be loaded, by name."""
        return tuple(self._broken[name] for name in sorted(self._broken))

    def providers(self) -> tuple[ProviderInfo, ...]:
        """Return all providers, in their default order."""
        return tuple(sorted((info for info, _ in self._infos.values()), key=lambda info: (info.order, info.id)))

    def owner(self, provider: str) -> str:
        """Return the name of the plugin that brings ``provider``."""
        return self._infos[provider][1] if provider in self._infos else "?"

    def models(self, provider: str) -> tuple[ModelInfo, ...]:
        """Return the catalog of ``provider``; empty when nobody has one."""
        owner = self.owner(provider)
        answer = self._first("shunpike_models", Sequence, owner, provider=provider)
        return self._rows(answer, ModelInfo, "shunpike_models", owner, provider=provider)

    def backend(self, provider: str, settings: ProviderSettings) -> Backend:
        """Return the backend of ``provider``. Raises `PluginError` when no plugin makes one."""
        owner = self.owner(provider)
        backend = self._first("shunpike_completion", Backend, owner, provider=provider, settings=settings)
        if backend is None:
            raise PluginError(f"plugin {owner!r} brings {provider!r} but makes no backend for it", plugin=owner)
        return backend

    def health(self, provider: str, settings: ProviderSettings) -> HealthProbe | None:
        """Return the free probe of ``provider``, or None when there is none."""
        return self._first("shunpike_health", HealthProbe, self.owner(provider), provider=provider, settings=settings)

    def price(self, model: ModelInfo, at: datetime, prompt_tokens: int) -> Price | None:
        """Return the list price of ``model`` at that moment, None when it is unknown."""
        asked: dict[str, Any] = {"provider": model.provider, "model": model, "at": at, "prompt_tokens": prompt_tokens}
        return self._first("shunpike_cost", Price, self.owner(model.provider), **asked)

    def limits(self, model: ModelInfo, tier: str) -> tuple[Limit, ...] | None:
        """Return the limits granted to ``model`` on ``tier``, None when nothing is known."""
        owner = self.owner(model.provider)
        asked: dict[str, Any] = {"provider": model.provider, "model": model, "tier": tier}
        answer = self._first("shunpike_limits", Sequence, owner, **asked)
        return None if answer is None else self._rows(answer, Limit, "shunpike_limits", owner, **asked)

    def _rows(self, answer: Any, kind: type[T], hook: str, owner: str, **asked: Any) -> tuple[T, ...]:
        try:
            return _listed(() if answer is None else answer, kind, hook, owner)
        except PluginError:
            return _listed(answer, kind, hook, self._who(hook, asked, owner))

    def strategy(self, name: str, options: Mapping[str, Any]) -> Strategy | None:
        """Return the strategy called ``name``, or None."""
        return self._brought("shunpike_routing_strategy", Strategy, name=name, options=options)

    def strategy_names(self) -> tuple[str, ...]:
        """Return the names of all strategies, as far as plugins tell, sorted."""
        told = (names for _, names in self._each("shunpike_strategy_names") if isinstance(names, list | tuple))
        return tuple(sorted({name for names in told for name in names if isinstance(name, str)}))

    def _brought(self, hook: str, kind: type[T], **asked: Any) -> T | None:
        """Return the first answer, and keep whose it is."""
        for plugin in self._in_order(hook):
            found = self._first(hook, kind, plugin, only=plugin, **asked)
            if found is not None:
                self._makers[id(found)] = found, plugin
                return found
        return None

    def maker(self, made: object) -> str:
        """Return the name of the plugin that brought a strategy, a store or a tokenizer."""
        return self._makers.get(id(made), (made, type(made).__module__.partition(".")[0]))[1]

    def _in_order(self, hook: str) -> list[str]:
        """Return the plugins that implement ``hook``, the one that is asked first at the head."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        found = [one for one in caller.get_hookimpls() if not (one.wrapper or one.hookwrapper)]
        return [one.plugin_name for one in reversed(found)]

    def store(self, url: str, clock: Clock | None = None) -> Store | None:
        """Return the store for ``url``, or None when no plugin knows its scheme; without a clock, on the host's."""
        return self._brought("shunpike_store", Store, url=url, clock=clock or self.clock)

    def tokenizer(self, model: str) -> Tokenizer | None:
        """Return the token counter for ``model``, or None."""
        return self._brought("shunpike_tokenizer", Tokenizer, model=model)

    def world(self) -> World | None:
        """Return the first world of simulated providers, or None."""
        return self._first("shunpike_world", World, "?")

    def commands(self) -> list[Any]:
        """Return the CLI applications of all plugins."""
        return [app for _, apps in self._each("shunpike_commands") for app in apps or ()]

    def routes(self, client: object) -> list[tuple[str, Any]]:
        """Return each plugin's name with what it answers to `shunpike_routes`, unchecked."""
        return list(self._each("shunpike_routes", client=client))

    def is_observed(self) -> bool:
        """Whether any plugin looks at events."""
        return bool(self._manager.hook.shunpike_event.get_hookimpls())

    def emit(self, event: Event) -> None:
        """Tell every observer; one that raises is reported once."""
        for _ in self._each("shunpike_event", event=event):
            pass


def _blamed(plugin: str, hook: str, error: BaseException) -> PluginError:
    if isinstance(error, PluginError):
        return error
    return PluginError(f"plugin {plugin!r}: {hook} raised {in_words(error)}", plugin=plugin)


def _listed(answer: Any, kind: type[T], hook: str, plugin: str) -> tuple[T, ...]:
    if isinstance(answer, list | tuple) and all(isinstance(item, kind) for item in answer):
        return tuple(answer)
    raise PluginError(f"plugin {plugin!r}: {hook} must answer with a list of {kind.__name__}", plugin=plugin)
