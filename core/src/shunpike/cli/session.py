"""A client for one command, built from the configuration, and the loop it runs on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.cli.ending import cancelled_by, ended_by
from shunpike.cli.forms import did_you_mean
from shunpike.cli.output import kept_for_data
from shunpike.client import Client
from shunpike.config import load
from shunpike.config.warned import warn_once
from shunpike.errors import UnknownProvider
from shunpike.installation import install_hint
from shunpike.runtime.names import broken_plugin

T = TypeVar("T")


@asynccontextmanager
async def client(arguments: Mapping[str, Any] | None = None, *, ledger: bool = True) -> AsyncIterator[Client]:
    """Give a client with the settings in force; ``arguments`` win over files and variables.

    Without ``ledger`` the books are not opened, for what works also while they can't be: nothing may be sent then.
    """
    store = None if ledger else MemoryStore()
    opened = Client(load(arguments), store=store)
    opened.host.complaints.keep()
    try:
        async with opened:
            yield opened
    finally:
        tell_complaints(opened)


def tell_complaints(client: Client) -> None:
    """Write what went wrong in plugins and could be done without: not in the middle of an answer, but behind it."""
    for one in client.host.complaints.take():
        warn_once(f"the plugin {one.plugin} failed in {one.hook}: {one.error}", "see: shunpike doctor")


class _Unwaited(ThreadPoolExecutor):
    """Threads that are left to themselves at the end: one in which the system looks for a name can't be ended."""

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work, and wait for none."""
        super().shutdown(wait=False, cancel_futures=True)


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run ``main`` to its end. Ctrl-C and SIGTERM cancel it, let it clean up, and then raise `KeyboardInterrupt`."""

    async def work() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        loop.set_default_executor(_Unwaited(thread_name_prefix="shunpike"))
        with cancelled_by(lambda: task and loop.call_soon_threadsafe(task.cancel)):
            return await main()

    with kept_for_data():
        try:
            return anyio.run(work)
        except asyncio.CancelledError as error:
            raise (error if ended_by() is None else KeyboardInterrupt()) from None


def provider_names(client: Client) -> tuple[str, ...]:
    """Return the names that can be asked for: those of installed plugins and those of configured sections."""
    installed = [info.id for info in client.host.providers()]
    return tuple(dict.fromkeys([*installed, *client.settings.providers]))


def check_provider(name: str, client: Client) -> None:
    """Raise `UnknownProvider` unless an installed plugin or a section has that name, `ConfigError` if it is broken."""
    broken = broken_plugin(name, client.settings, client.host)
    if broken is not None:
        raise broken
    known = provider_names(client)
    if name in known:
        return
    command = install_hint(name)
    if command is not None:
        raise UnknownProvider(f"the {name} provider is not installed", hint=command)
    raise UnknownProvider(
        f'there is no provider called "{name}"{did_you_mean(name, known)}',
        hint=f"installed providers: {', '.join(known) or 'none'}   (shunpike providers)",
    )
