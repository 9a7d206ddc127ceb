"""Which store the settings name, and who opens it."""

from __future__ import annotations

from shunpike.clock import Clock
from shunpike.config import default_store, without_password
from shunpike.errors import ConfigError
from shunpike.installation import install_hint, known_plugins
from shunpike.plugins import Host
from shunpike.protocols import Store
from shunpike.types import Settings


def open_store(host: Host, settings: Settings, clock: Clock) -> Store:
    """Return the store of ``settings``. Raises `ConfigError` where no plugin opens it."""
    url = settings.store or default_store()
    store = host.store(url, clock)
    if store is None:
        of_ours = next((name for name in known_plugins() if url.startswith(name)), "")
        raise ConfigError(
            f"no installed plugin opens the store {without_password(url)!r}",
            hint=install_hint(of_ours) or 'name a file: "sqlite:/path/ledger.db"   ·   what is there: shunpike plugins',
        )
    return store
