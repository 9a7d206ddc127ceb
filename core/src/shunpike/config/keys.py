"""Keys: from the environment, or from a file that only its owner can read. They never show in a repr or an error."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from typing_extensions import override

from shunpike.config.dotenv import bare_key
from shunpike.config.placeholders import is_placeholder
from shunpike.config.places import keys_file
from shunpike.errors import ConfigError
from shunpike.masking import remember
from shunpike.private_file import write_private
from shunpike.protocols.target import GIVEN
from shunpike.types import ProviderSettings
from shunpike.types.base import Record

_MODE = 0o600
_QUOTES = "\"'`"


class ResolvedKey(Record):
    """A key and where it came from, such as a variable's name or ``keys.toml``; no key has an empty origin."""

    secret: SecretStr | None = Field(default=None, repr=False)
    origin: str = ""
    problem: str | None = None
    """What is wrong with what stands there, where it can't be a key."""
    hint: str | None = None
    placeholder: bool = False
    """Whether it is only what an example says instead of a key."""

    @property
    def fingerprint(self) -> str:
        """A hash that tells this key from another and gives nothing of it away; empty without a key."""
        return "" if self.secret is None else sha256(self.secret.get_secret_value().encode()).hexdigest()[:16]

    @property
    def tail(self) -> str | None:
        """The masked key with its last four characters, None without a key."""
        return None if self.secret is None else tail(self.secret.get_secret_value())


def tail(key: str) -> str:
    """Return ``••••`` and the last four characters; a short key shows none, as four would be too much of it."""
    return f"••••{key[-4:]}" if len(key) >= 12 else "••••"


class UnusableKey(ConfigError):
    """What stands where a key should be is none; the message names the place, never what stands there."""

    def __init__(self, message: str, *, hint: str | None = None, placeholder: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.placeholder = placeholder


def clean_key(text: str, where: str, *, any_word: bool = False) -> str | None:
    """Return the key without what `.env` tools leave around it, None when nothing is left. From now on it is masked.

    Raises `UnusableKey` naming ``where``, never the key, for a placeholder (unless ``any_word`` will do, as for a
    custom endpoint), and where white space, a quote or a character that no key has is in the way.
    """
    key = bare_key(text)
    if not key:
        return None
    if is_placeholder(key) and not (any_word and key.isascii() and key.isalnum()):
        raise UnusableKey(
            f"{where} holds a placeholder, not a key", hint="put the provider's key there, or nothing", placeholder=True
        )
    if any(character.isspace() for character in key):
        raise UnusableKey(f"{where} holds white space inside the key", hint="copy the key again, without line breaks")
    if not key.isascii() or not key.isprintable():
        raise UnusableKey(
            f"{where} holds a character that no key can have (not printable ASCII)",
            hint="copy the key again from the provider's page; quotes and dashes must not be typographic ones",
        )
    if key[0] in _QUOTES or key[-1] in _QUOTES:
        raise UnusableKey(f"{where} holds a quote at one end of the key", hint="copy the key again, without quotes")
    remember(key)
    return key


class KeyStore:
    """Keys by the name of their provider, in a TOML file of mode 0600."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or keys_file()

    @override
    def __repr__(self) -> str:
        return f"KeyStore({str(self.path)!r})"

    def names(self) -> tuple[str, ...]:
        """Return the providers that have a stored key, sorted."""
        return tuple(sorted(self._read()))

    def strange(self) -> tuple[str, ...]:
        """Return what stands in the file and is no key, such as a table; sorted."""
        return tuple(sorted(name for name, key in self._tree().items() if not isinstance(key, str)))

    def get(self, name: str) -> SecretStr | None:
        """Return the key of ``name``, or None."""
        key = clean_key(self._read().get(name, ""), f"the stored key of {name} in {self.path}")
        return None if key is None else SecretStr(key)

    def set(self, name: str, key: str | SecretStr) -> None:
        """Store the key of ``name``, replacing an older one. Raises `ConfigError` for what can't be a key."""
        text = key.get_secret_value() if isinstance(key, SecretStr) else key
        cleaned = clean_key(text, f"the key for {name}")
        if cleaned is None:
            raise ConfigError(f"the key for {name} is empty", hint=f"run it again: shunpike keys set {name}")
        self._write({**self._read(), name: cleaned})

    def remove(self, name: str) -> bool:
        """Forget the key of ``name``; False when there was none."""
        keys = self._read()
        if name not in keys:
            return False
        del keys[name]
        self._write(keys)
        return True

    def mode(self) -> int | None:
        """Return the permission bits of the file, None when there is none."""
        try:
            return stat.S_IMODE(self.path.stat().st_mode)
        except FileNotFoundError:
            return None

    def _read(self) -> dict[str, str]:
        keys = {name: key for name, key in self._tree().items() if isinstance(key, str)}
        for key in keys.values():
            remember(bare_key(key))
        return keys

    def _tree(self) -> dict[str, Any]:
        try:
            if os.name == "posix" and stat.S_IMODE(self.path.stat().st_mode) & 0o077:
                self.path.chmod(_MODE)
            return tomllib.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            # The parser's message may repeat a piece of the file, and this file holds keys.
            reason = error.strerror if isinstance(error, OSError) else "it is not valid TOML"
            raise ConfigError(
                f"{self.path} can't be read: {reason}",
                hint="move it away and store the keys again: shunpike keys set NAME",
            ) from None

    def _write(self, keys: Mapping[str, str]) -> None:
        lines = [f"{json.dumps(name)} = {json.dumps(key)}\n" for name, key in sorted(keys.items())]
        try:
            write_private(self.path, "".join(lines))
        except OSError as error:
            raise ConfigError(
                f"{self.path} can't be written: {error.strerror}", hint=f"check it with: ls -ld {self.path.parent}"
            ) from error


def resolve_key(
    provider: str, env_key: str | None, settings: ProviderSettings, environ: Mapping[str, str], store: KeyStore
) -> ResolvedKey:
    """Return the key of a provider: a given one, else its variable, else the stored one.

    The variable is the section's ``key_env``, else the provider's own ``env_key``. An empty one counts as none; what
    can't be a key closes this provider alone, and ``problem`` says so. Raises `ConfigError` for an unreadable store.
    """
    variable = settings.key_env or env_key
    own = settings.is_custom_endpoint
    places = (
        (GIVEN, settings.key.get_secret_value() if settings.key is not None else "", f"providers.{provider}.key"),
        (variable or "", environ.get(variable, "") if variable else "", f"the variable {variable}"),
    )
    for origin, text, where in places:
        try:
            key = clean_key(text, where, any_word=own)
        except UnusableKey as error:
            hint = f"put a key there, or unset {origin}" if origin == variable else error.hint
            return ResolvedKey(origin=origin, problem=error.message, hint=hint, placeholder=error.placeholder)
        if key is not None:
            return ResolvedKey(secret=SecretStr(key), origin=origin)
    try:
        stored = store.get(provider)
    except UnusableKey as error:
        hint = f"store another key: shunpike keys set {provider}"
        return ResolvedKey(origin=store.path.name, problem=error.message, hint=hint, placeholder=error.placeholder)
    return ResolvedKey() if stored is None else ResolvedKey(secret=stored, origin=store.path.name)
