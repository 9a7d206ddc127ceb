"""The key of whoever runs a gateway: it opens what changes providers, limits and keys, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from shunpike.config.dotenv import bare
from shunpike.config.keys import KeyStore, clean_key
from shunpike.config.places import ADMIN_VARIABLE
from shunpike.errors import ConfigError

STORED_AS = "shunpike-admin"
"""The name that it has among the stored keys."""
SHORTEST = 16
"""Characters: a shorter one could be found by trying."""


def admin_key(environ: Mapping[str, str], keys: KeyStore) -> SecretStr | None:
    """Return the key: the variable's, else the stored one; None = there is none.

    Raises `ConfigError` for one that is empty, too short, or none at all.
    """
    if ADMIN_VARIABLE in environ:
        key = clean_key(bare(environ[ADMIN_VARIABLE]), ADMIN_VARIABLE)
        if key is None:
            raise ConfigError(f"{ADMIN_VARIABLE} is empty", hint="give it a key, or unset it")
        where = ADMIN_VARIABLE
    else:
        stored = keys.get(STORED_AS)
        if stored is None:
            return None
        key, where = stored.get_secret_value(), f"the stored key {STORED_AS}"
    if len(key) < SHORTEST:
        raise ConfigError(
            f"{where} has {len(key)} characters, {SHORTEST} are the least: a shorter one could be found by trying",
            hint=f"make one: export {ADMIN_VARIABLE}=$(openssl rand -hex 24)",
        )
    return SecretStr(key)
