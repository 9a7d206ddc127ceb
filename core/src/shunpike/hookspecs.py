"""The hooks a plugin may implement.

pluggy is synchronous, so a hook never does I/O and never is ``async``: it answers with an object, and the object is
async. Hooks are called when things are built, not per request: their answers are kept, while one that raises is called
again when it is needed.
An implementation may take fewer arguments than are listed here, so hooks can gain arguments without breaking anybody.

A plugin is any object or module whose functions carry `hookimpl`, named by an entry point of the group ``shunpike``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from shunpike.clock import Clock
    from shunpike.protocols import Backend, HealthProbe, MountedApp, Store, Strategy, Tokenizer, World
    from shunpike.types import Event, Limit, ModelInfo, Price, ProviderInfo, ProviderSettings

PROJECT = "shunpike"
ENTRY_POINT_GROUP = "shunpike"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def shunpike_providers() -> Sequence[ProviderInfo] | None:
    """Return the providers this plugin brings.

    Called once, when the plugin is loaded. The answers of all plugins are put together; two plugins that bring the
    same id are a mistake that names both. None or an empty list = no provider.

    .. versionadded:: 0.1
    """


@hookspec(firstresult=True)
def shunpike_models(provider: str) -> Sequence[ModelInfo] | None:
    """Return the dated catalog of ``provider``, retired models included.

    Called for each account at the provider when its client is made, whenever keys, settings or switches change, and to
    show models: a plugin keeps what is expensive to make. The first answer wins.

    Args:
        provider: The id from `ProviderInfo`.

    None = not my provider.

    .. versionadded:: 0.1

    """


@hookspec(firstresult=True)
def shunpike_completion(provider: str, settings: ProviderSettings) -> Backend | None:
    """Return the backend that completes requests at ``provider``; it may also stream, embed or list models.

    Called once per account, when it is first used; the backend is kept until its section changes, or until shutdown,
    and is closed then. While the hook raises, it is called again for each request that comes to the account. A
    ``wrapper=True`` implementation may decorate whatever the others return (cache, fault injection, tracing).
    What a backend raises counts as sent, and stays booked, unless it came out of `shunpike.wire.before_sending`.

    Args:
        provider: The id from `ProviderInfo`.
        settings: That provider's section of the configuration, its key resolved, with the client's ``clock``.

    None = not my provider. A missing key raises `NoCredential`.

    .. versionadded:: 0.1

    """


@hookspec(firstresult=True)
def shunpike_health(provider: str, settings: ProviderSettings) -> HealthProbe | None:
    """Return a probe that tells whether ``provider`` can be reached, and costs no quota.

    Called by ``keys set``, ``doctor --online`` and `Client.probe`, each time anew; the probe is closed after its check.

    Args:
        provider: The id from `ProviderInfo`.
        settings: That provider's section of the configuration, its key resolved.

    None = there is no free way to ask; the provider is judged by its traffic alone.

    .. versionadded:: 0.1

    """


@hookspec(firstresult=True)
def shunpike_cost(provider: str, model: ModelInfo, at: datetime, prompt_tokens: int) -> Price | None:
    """Return the list price of ``model`` in force at that moment for a prompt of that size.

    Called when a price is first needed and again after its ``valid_until``. The user's configuration answers first.

    Args:
        provider: The id from `ProviderInfo`.
        model: The model's catalog entry.
        at: An aware moment.
        prompt_tokens: Size of the prompt, for prices that depend on it.

    None = unknown, which is never zero: a paid account is then denied.

    .. versionadded:: 0.1

    """


@hookspec(firstresult=True)
def shunpike_limits(provider: str, model: ModelInfo, tier: str) -> Sequence[Limit] | None:
    """Return the limits granted to ``model`` on ``tier``, those of the whole account included.

    Called once per target, when the first plan is made. The first answer wins.

    Args:
        provider: The id from `ProviderInfo`.
        model: The model's catalog entry.
        tier: The name of the account's tier.

    None = nothing is known; an account that can be billed is then denied.

    .. versionadded:: 0.1

    """


@hookspec(firstresult=True)
def shunpike_routing_strategy(name: str, options: Mapping[str, Any]) -> Strategy | None:
    """Return the strategy called ``name``.

    Called once, when a client is built or a request names another strategy. It ranks by facts alone; one that looks at
    prices, at what is left or at health has ``needs_states = True``.

    Args:
        name: As configured, such as ``priority``.
        options: The section ``[strategy_options]``, for the strategy to interpret.

    None = not mine. Options that it can't be made of raise `ConfigError`.

    .. versionadded:: 0.1

    """


@hookspec
def shunpike_strategy_names() -> Sequence[str] | None:
    """Return the names of the strategies that `shunpike_routing_strategy` makes.

    Called where a name is asked for that nobody has, to say which there are. None or an empty list = it has none, or
    does not tell.

    .. versionadded:: 0.1
    """


@hookspec(firstresult=True)
def shunpike_store(url: str, clock: Clock) -> Store | None:
    """Return the store for ``url``, such as ``sqlite:/path/ledger.db`` or ``memory:``.

    Called once per client. Opening may wait until the first use.

    Args:
        url: The configured address; its scheme tells whose it is.
        clock: The client's, by which it dates what it asks of the store.

    None = not my scheme.

    .. versionadded:: 0.1

    """


@hookspec(firstresult=True)
def shunpike_tokenizer(model: str) -> Tokenizer | None:
    """Return a token counter for ``model``.

    Called once per model and kept. It must work offline.

    Args:
        model: The model's id.

    None = no exact vocabulary; the labelled estimate is used.

    .. versionadded:: 0.1

    """


@hookspec
def shunpike_event(event: Event) -> None:
    """Observe something that happened; the return value is not looked at.

    Called in the middle of requests: return quickly, do no I/O, hand the event to a queue of your own. An exception is
    reported once and otherwise ignored.

    Args:
        event: One of the classes of ``shunpike.types.events``, such as `AttemptFinished`; never a key, never a prompt.

    .. versionadded:: 0.1

    """


@hookspec
def shunpike_commands() -> Sequence[Any] | None:
    """Return `typer.Typer` applications that become subcommands under their ``info.name``.

    Called only when the command line names a command that the core does not have, so that ``--help`` stays fast.
    None or an empty list = no command.

    .. versionadded:: 0.1
    """


@hookspec(firstresult=True)
def shunpike_world() -> World | None:
    """Return a world of simulated providers with books of its own, for demos, trials and tests.

    Called by ``demo`` and ``sandbox``. None = this plugin brings no world.

    .. versionadded:: 0.1
    """


@hookspec
def shunpike_routes(client: Any) -> Sequence[MountedApp] | None:
    """Return ASGI applications that the gateway answers with below a path of their own, such as a dashboard.

    Called once, when a gateway starts. What can't be mounted is told once and left out: a path that the gateway itself
    answers, or that another plugin has.

    Args:
        client: The `Client` that the gateway asks; it is closed after the last request.

    None or an empty list = nothing is mounted.

    .. versionadded:: 0.1

    """
