from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.config import load, without_password
from shunpike.errors import ConfigError

from ...trusted import trusted  # noqa: TID252 - the tests are no package

SECRET = "gsk_1234567890SECRET"

FILES = [
    f'[providers.acme]\nkey = "{SECRET}"',
    f'[providers.acme]\napi_key = "{SECRET}"',
    f'[providers.acme]\nAPI-KEY = "{SECRET}"',
    f'[providers.acme]\ntoken = "{SECRET}"',
    f'[providers.acme]\nacme_api_key = "{SECRET}"',
    f'[providers.acme]\nheaders = {{Authorization = "Bearer {SECRET}"}}',
    f'[providers.acme.headers]\nx-goog-api-key = "{SECRET}"',
    f'[providers.acme.options.deep]\nsecret = "{SECRET}"',
    f'[providers.acme]\noptions = {{list = [{{password = "{SECRET}"}}]}}',
    f'[providers.acme]\nbase_url = "https://user:{SECRET}@host/v1"',
    f'key = "{SECRET}"',
    f'[keys]\nacme = "{SECRET}"',
]


@pytest.mark.parametrize("text", FILES)
def test_a_literal_key_is_refused_with_the_two_right_ways_and_never_repeated(tmp_path: Path, text: str) -> None:
    trusted(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(cwd=tmp_path, environ={})
    error = caught.value
    assert "is a literal key" in error.message
    assert error.hint is not None
    assert "environment variable" in error.hint
    assert "shunpike keys set" in error.hint
    assert SECRET not in f"{error!r}{error.hint}{error.__cause__!r}{error.__context__!r}"


OTHERS = [
    f'[providers.acme]\nkey_env = "{SECRET}"',
    f'[providers.acme]\nbase_url = "{SECRET}"',
    f'[providers.acme]\napikee = "{SECRET}"',
    f'[providers.acme]\nheaders = "{SECRET}"',
    f'[providers.acme]\noptions = "{SECRET}"',
    f"[providers.acme]\napi_key = {SECRET}",
    f'[providers.acme]\napi_key = "{SECRET}',
]


@pytest.mark.parametrize("text", OTHERS)
def test_a_key_in_the_wrong_place_is_not_repeated_either(tmp_path: Path, text: str) -> None:
    trusted(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(cwd=tmp_path, environ={})
    assert SECRET not in f"{caught.value!r}{caught.value.hint}{caught.value.__cause__!r}"


def test_a_name_that_only_looks_like_a_key_is_allowed(tmp_path: Path) -> None:
    text = '[strategy_options]\ntoken = 3\n[providers.acme]\nkey_env = "ACME_KEY"\noptions = {max_tokens = 5}\n'
    trusted(tmp_path, text)
    assert load(cwd=tmp_path, environ={}).settings.providers["acme"].key_env == "ACME_KEY"


ADDRESSES = [
    (f"postgresql://me:{SECRET}@db.test:5432/ledger", "postgresql://me:••••@db.test:5432/ledger"),
    (f"postgresql://me:a@{SECRET}@db.test/ledger", "postgresql://me:••••@db.test/ledger"),
    (f"postgresql://db.test/x?user=me&password={SECRET}&port=1", "postgresql://db.test/x?user=me&password=••••&port=1"),
    (f"postgresql://db.test/x?sslpassword={SECRET}", "postgresql://db.test/x?sslpassword=••••"),
    (f"postgresql://me:a/{SECRET}@db.test/x", "postgresql://me:••••@db.test/x"),
    (f"postgresql:me:{SECRET}@db.test", "postgresql:me:••••@db.test"),
    (f"host=db.test port=1 password={SECRET} user=me", "host=db.test port=1 password=•••• user=me"),
    (f"host=db.test password = 'a {SECRET}'", "host=db.test password = ••••"),
    (f"postgresql://db.test/x?options=-cpassword%3D{SECRET}", "postgresql://db.test/x?options=-cpassword%3D••••"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_a_password_in_the_stores_address_is_shown_nowhere(tmp_path: Path, address: str, shown: str) -> None:
    """In a file it is refused; from a variable it is used, and masked wherever it is shown."""
    trusted(tmp_path, f'store = "{address}"')
    with pytest.raises(ConfigError, match="store holds a password") as caught:
        load(cwd=tmp_path, environ={})
    assert SECRET not in f"{caught.value!r}{caught.value.hint}"
    (tmp_path / "shunpike.toml").unlink()
    loaded = load(cwd=tmp_path, environ={"SHUNPIKE_STORE": address})
    assert loaded.settings.store == address
    assert [one.value for one in loaded.origins if one.key == "store"] == [shown]
    assert SECRET not in f"{loaded.settings!r}{loaded.origins!r}"


@pytest.mark.parametrize(
    "address",
    ["sqlite:/home/me@work/ledger.db", "sqlite:C:/me@work/l.db", "memory:", "postgresql://me@db.test/ledger?port=5"],
)
def test_an_address_without_a_password_is_shown_as_it_is(tmp_path: Path, address: str) -> None:
    trusted(tmp_path, f'store = "{address}"')
    assert without_password(address) == address
    assert load(cwd=tmp_path, environ={}).settings.store == address
