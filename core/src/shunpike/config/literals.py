"""Keeps literal keys out of files: they get shared, committed and backed up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from shunpike.errors import ConfigError

_SECRET = re.compile(
    r"(?:.*_)?(?:api_?key|secret|secret_key|password|access_token|auth_token)"
    r"|keys?|token|api_token|bearer|passwd|authorization|proxy_authorization|cookie"
)
"""Names of what holds a secret: the first ones also at the end of a longer name."""
_HIDDEN = "••••"


def names_a_key(name: str) -> bool:
    """Tell whether a setting of this name would hold a secret."""
    return _SECRET.fullmatch(name.lower().replace("-", "_")) is not None


def holds_password(url: str) -> bool:
    """Tell whether a URL carries a user name or password."""
    try:
        return "@" in urlsplit(url).netloc
    except ValueError:
        return "@" in url


_LOGIN = re.compile(r"(?is)^([a-z][\w+.-]*://|postgres(?:ql)?:)([^:/?#]*):(.*)@")
_PASSWORD = re.compile(r"(?i)((?:password|passwd|pwd)\s*(?:=|%3d)\s*)('[^']*'|[^&#\s]*)")


def without_password(url: str) -> str:
    """Return an address as it may be shown: a password in it is replaced, in whatever form the address is."""
    return _PASSWORD.sub(rf"\1{_HIDDEN}", _LOGIN.sub(rf"\1\2:{_HIDDEN}@", url))


def reject_literal_keys(tree: Mapping[str, Any], where: str) -> None:
    """Raise `ConfigError` for the first literal key in a file; its value is never repeated."""
    for path, value in _leaves(tree, ()):
        if path == ("store",) and isinstance(value, str) and without_password(value) != value:
            raise ConfigError(
                f"{where}: store holds a password, and passwords don't belong in a configuration file",
                hint="leave it out and set PGPASSWORD or ~/.pgpass, or put the whole address into SHUNPIKE_STORE",
            )
        if path[-1] == "proxy" and path[0] == "providers" and isinstance(value, str) and "@" in value:
            raise ConfigError(
                f"{where}: {'.'.join(path)} holds a user or password, and passwords don't belong in a file",
                hint=f"put the whole address into a variable: SHUNPIKE_{'__'.join(path).upper().replace('-', '_')}, "
                "or HTTPS_PROXY",
            )
        secret = names_a_key(path[-1]) or (path[-1] == "base_url" and isinstance(value, str) and holds_password(value))
        if secret and path[0] != "strategy_options":
            raise literal_key(path, where)


def literal_key(path: tuple[str, ...], where: str) -> ConfigError:
    """Return the error for a literal key at ``path``."""
    section = path[1] if path[0] == "providers" and len(path) > 2 else "NAME"
    variable = "MY_KEY" if section == "NAME" else f"{section.upper().replace('-', '_')}_API_KEY"
    return ConfigError(
        f"{where}: {'.'.join(path)} is a literal key, and keys don't belong in a configuration file",
        hint=f"remove it, then either set the provider's environment variable (such as {variable}; "
        f'key_env = "NAME" in its section chooses another), or store it: shunpike keys set {section}',
    )


def _leaves(tree: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in tree.items():
        here = (*path, name)
        if names_a_key(name):
            yield here, value
        elif isinstance(value, Mapping):
            yield from _leaves(value, here)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, Mapping):
                    yield from _leaves(item, here)
            yield here, value
        else:
            yield here, value
