"""Where files are: the project's, the user's, the keys, what is trusted, and the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import platformdirs

from shunpike.errors import ConfigError

PROJECT_FILE = "shunpike.toml"
CONFIG_VARIABLE = "SHUNPIKE_CONFIG"
ADMIN_VARIABLE = "SHUNPIKE_ADMIN_KEY"


def project_file(cwd: Path | None = None) -> Path:
    """Return the path of the configuration file of the working directory, whether it exists or not.

    Raises `ConfigError` where that folder was removed.
    """
    try:
        return (cwd or Path.cwd()) / PROJECT_FILE
    except OSError as error:
        raise ConfigError(f"the working directory can't be had: {error.strerror}", hint="go to another: cd ~") from None


def user_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the user's configuration file; ``SHUNPIKE_CONFIG`` names another one."""
    named = (environ or {}).get(CONFIG_VARIABLE, "").strip()
    return Path(named).expanduser() if named else platformdirs.user_config_path("shunpike") / "config.toml"


def keys_file() -> Path:
    """Return the path of the file that holds stored keys."""
    return platformdirs.user_config_path("shunpike") / "keys.toml"


def trust_folder() -> Path:
    """Return the path of the folder that holds which projects' files are trusted."""
    return platformdirs.user_data_path("shunpike") / "trusted"


def ledger_file() -> Path:
    """Return the path of the ledger where none is configured: a file in the user's data folder."""
    return platformdirs.user_data_path("shunpike") / "ledger.db"


def conversations_folder() -> Path:
    """Return the path of the folder that conversations are kept in."""
    return platformdirs.user_data_path("shunpike") / "conversations"


def lines_file() -> Path:
    """Return the path of the file that holds what was typed into a conversation."""
    return platformdirs.user_data_path("shunpike") / "chat_history"


def default_store() -> str:
    """Return the address of that ledger, for opening it: its folder is made. Raises `ConfigError`."""
    file = ledger_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the ledger's folder {file.parent} can't be made: {error.strerror}",
            hint='say where it may live: SHUNPIKE_STORE="sqlite:/path/ledger.db"',
        ) from error
    return f"sqlite:{file}"
