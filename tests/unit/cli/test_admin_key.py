"""The admin key of a gateway: made by command, stored for its owner alone, and taken from a variable before that."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.config import KeyStore, admin_key
from shunpike.config.admin_key import STORED_AS
from shunpike.errors import ConfigError

from .conftest import Cli

VARIABLE = "SHUNPIKE_ADMIN_KEY"


def test_it_is_shown_once_stored_and_forgotten(cli: Cli) -> None:
    made = cli("keys", "admin")
    assert made.code == 0
    key = made.out.strip()
    found = admin_key({}, KeyStore())
    assert found is not None
    assert found.get_secret_value() == key
    assert KeyStore().mode() == 0o600
    again = cli("keys", "admin")
    assert again.code == 2
    assert "shunpike keys admin --replace" in again.err
    assert cli("keys", "admin", "--replace").out.strip() not in ("", key)
    assert cli("keys", "rm", STORED_AS).code == 0
    assert admin_key({}, KeyStore()) is None


def test_nobody_warns_of_it_as_of_a_provider_that_is_not_there(cli: Cli) -> None:
    cli("keys", "admin")
    assert STORED_AS not in cli("providers").err
    assert STORED_AS not in cli("doctor").out


def test_the_variable_wins_and_the_command_says_so(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "an-admin-key-of-the-tests")
    assert f"{VARIABLE} is set" in cli("keys", "admin").err
    found = admin_key({VARIABLE: " 'an-admin-key-of-the-tests' "}, KeyStore())
    assert found is not None
    assert found.get_secret_value() == "an-admin-key-of-the-tests"


@pytest.mark.parametrize("key", ["", " ", "''", "tooshort", "changeme", "a b c d e f g h i j k", "ключ-ключ-ключ-ключ"])
def test_what_can_not_be_one_is_rejected_and_not_repeated(key: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        admin_key({VARIABLE: key}, KeyStore(tmp_path / "keys.toml"))
    assert VARIABLE in told.value.message
    assert not key.strip(" '") or key not in told.value.message
