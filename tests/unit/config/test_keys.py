from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr

from shunpike.config import KeyStore, clean_key, keys_file, resolve_key, tail
from shunpike.errors import ConfigError
from shunpike.types import ProviderSettings

KEY = "sk-test-0123456789abcd"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "config" / "keys.toml")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_stored_key_is_only_readable_by_its_owner(store: KeyStore) -> None:
    store.set("acme", KEY)
    assert mode(store.path) == 0o600
    assert mode(store.path.parent) == 0o700
    assert store.mode() == 0o600
    found = store.get("acme")
    assert found is not None
    assert found.get_secret_value() == KEY


def test_a_file_that_others_could_read_is_closed_when_it_is_read(store: KeyStore) -> None:
    store.set("acme", KEY)
    store.path.chmod(0o644)
    assert store.names() == ("acme",)
    assert mode(store.path) == 0o600


def test_keys_are_set_replaced_and_removed_without_touching_the_others(store: KeyStore) -> None:
    store.set("b", KEY)
    store.set("a", SecretStr(KEY))
    store.set("b", KEY + "x")
    assert store.names() == ("a", "b")
    assert store.remove("a") is True
    assert store.remove("a") is False
    assert tomllib.loads(store.path.read_text()) == {"b": KEY + "x"}
    assert [path.name for path in store.path.parent.iterdir()] == ["keys.toml"], "no temporary file is left"


def test_a_key_with_quotes_and_backslashes_comes_back_as_it_was(store: KeyStore) -> None:
    odd = 'a"b\\c#=[]~'
    store.set("we.ird name", odd)
    found = KeyStore(store.path).get("we.ird name")
    assert found is not None
    assert found.get_secret_value() == odd


def test_nothing_is_stored_where_nothing_was_set(store: KeyStore) -> None:
    assert store.names() == ()
    assert store.get("acme") is None
    assert store.mode() is None
    assert not store.path.exists()


def test_the_default_file_is_in_the_users_config_folder() -> None:
    assert KeyStore().path == keys_file()


def test_a_broken_keys_file_is_named_without_its_content(store: KeyStore) -> None:
    store.path.parent.mkdir()
    store.path.write_text(f'acme = "{KEY}')
    with pytest.raises(ConfigError, match="not valid TOML") as caught:
        store.get("acme")
    assert KEY not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="can't be written"):
        KeyStore(tmp_path / "dangling" / "keys.toml").set("acme", KEY)


def test_no_key_shows_in_a_repr(store: KeyStore) -> None:
    store.set("acme", KEY)
    resolved = resolve_key("acme", None, ProviderSettings(), {}, store)
    assert KEY not in repr(store)
    assert KEY not in repr(resolved)
    assert KEY not in str(resolved)
    assert KEY not in repr(ProviderSettings(key=SecretStr(KEY)))


@pytest.mark.parametrize(
    "bad",
    [
        "two words here",
        "line1234567890\nbreak4567890123",
        "smart“quotes”",
        "tab\there",
        "bell\x07",
        f'"{KEY}',
        f"{KEY}'",
    ],
)
def test_what_can_not_be_a_key_is_refused_without_being_repeated(store: KeyStore, bad: str) -> None:
    with pytest.raises(ConfigError) as caught:
        store.set("acme", bad)
    assert bad not in f"{caught.value!r}{caught.value.hint}"
    resolved = resolve_key("acme", "ACME_KEY", ProviderSettings(), {"ACME_KEY": bad}, store)
    assert resolved.secret is None
    assert "the variable ACME_KEY" in str(resolved.problem)
    assert bad not in f"{resolved!r}{resolved.problem}{resolved.hint}"


@pytest.mark.parametrize(
    "text",
    [
        f'"{KEY}"',
        f"'{KEY}'",
        f" \t'{KEY}' \r",
        f"{KEY}\r",
        f"\ufeff{KEY}",
        f"\xa0{KEY}\xa0",
        f"\u200b{KEY}\u200e",
        f"export ACME_API_KEY={KEY}",
        f'ACME_API_KEY="{KEY}"',
    ],
)
def test_what_env_tools_leave_around_a_key_is_taken_off(store: KeyStore, text: str) -> None:
    assert clean_key(text, "x") == KEY
    resolved = resolve_key("acme", "ACME_KEY", ProviderSettings(), {"ACME_KEY": text}, store)
    assert resolved.secret is not None
    assert resolved.secret.get_secret_value() == KEY
    store.path.parent.mkdir(exist_ok=True)
    store.path.write_text(f"acme = {json.dumps(text)}\n")
    found = store.get("acme")
    assert found is not None
    assert found.get_secret_value() == KEY


@pytest.mark.parametrize("text", ['""', "''", "\ufeff", '"  "', "\xa0", "export ACME_API_KEY="])
def test_quotes_around_nothing_are_no_key(store: KeyStore, text: str) -> None:
    resolved = resolve_key("acme", "ACME_KEY", ProviderSettings(), {"ACME_KEY": text}, store)
    assert (resolved.secret, resolved.problem) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        *("your key here", "changeme", "change-me", "CHANGE_ME_PLEASE", "replace_me", "sk-...", "sk-…", "<key>"),
        *(
            "<your-api-key>",
            "xxx",
            "sk-xxxxxxxxxxxxxxxx",
            "gsk_XXXXXXXX",
            "****",
            "YOUR_API_KEY",
            "your-openai-api-key",
        ),
        *("sk-your-key-here", "yourApiKey", "my_api_key", "insert_key_here", "put-your-key-here", "${OPENAI_API_KEY}"),
        *(
            "$OPENAI_API_KEY",
            "OPENAI_API_KEY",
            "{{ key }}",
            "[key]",
            "placeholder",
            "none",
            "null",
            "undefined",
            "TODO",
        ),
        *("sk-", "sk-or-v1-", "api-key", "the key from the console", '"your key here"', "sk-proj-xxxx...xxxx", "N/A"),
    ],
)
def test_a_placeholder_is_told_from_a_key_and_never_repeated(store: KeyStore, text: str) -> None:
    resolved = resolve_key("acme", "ACME_API_KEY", ProviderSettings(), {"ACME_API_KEY": text}, store)
    assert resolved.secret is None
    assert resolved.placeholder
    assert resolved.problem == "the variable ACME_API_KEY holds a placeholder, not a key"
    with pytest.raises(ConfigError, match="the key for acme holds a placeholder"):
        store.set("acme", text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            KEY,
            "gsk_8sYouRkEyhAsNoWoRdS0123456789abcdefgh",
            "sk-proj-Ab_cd-Ef12add34here-56key",
            "AIzaSyD-9tSrke72PouQMnMX",
        ),
        *("sk-or-v1-0123456789abcdef0123456789abcdef", "tgp_v1_Zm9vYmFy", "hf_xxAbCdxxEfGh", "9f86d081884c7d65", "any"),
        *("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "local-key-1", "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4=="),
    ],
)
def test_a_key_is_no_placeholder(text: str) -> None:
    assert clean_key(text, "x") == text


def test_a_server_of_ones_own_may_take_any_word_for_a_key(store: KeyStore) -> None:
    own = ProviderSettings(price="free", base_url="http://localhost:8000/v1", key_env="MINE")
    for word in ("none", "EMPTY", "dummy", "token"):
        resolved = resolve_key("vllm", None, own, {"MINE": word}, store)
        assert resolved.secret is not None
        assert resolved.secret.get_secret_value() == word
    assert resolve_key("vllm", None, own, {"MINE": "your key here"}, store).placeholder


def test_white_space_around_a_key_is_dropped() -> None:
    assert clean_key(f"  {KEY}\r\n", "x") == KEY
    assert clean_key(" \n", "x") is None


def test_an_empty_key_is_not_stored(store: KeyStore) -> None:
    with pytest.raises(ConfigError, match="is empty"):
        store.set("acme", "  ")


def test_the_environment_wins_over_the_file(store: KeyStore) -> None:
    store.set("acme", KEY)
    resolved = resolve_key("acme", "ACME_KEY", ProviderSettings(), {"ACME_KEY": "from-environment"}, store)
    assert resolved.secret is not None
    assert (resolved.secret.get_secret_value(), resolved.origin) == ("from-environment", "ACME_KEY")


def test_an_empty_variable_is_no_key(store: KeyStore) -> None:
    store.set("acme", KEY)
    resolved = resolve_key("acme", "ACME_KEY", ProviderSettings(), {"ACME_KEY": "  "}, store)
    assert resolved.origin == "keys.toml"
    assert resolve_key("other", "ACME_KEY", ProviderSettings(), {"ACME_KEY": ""}, store).secret is None


def test_the_section_names_another_variable(store: KeyStore) -> None:
    environ = {"ACME_KEY": "provider", "MINE": "section"}
    resolved = resolve_key("acme", "ACME_KEY", ProviderSettings(key_env="MINE"), environ, store)
    assert resolved.origin == "MINE"


def test_a_given_key_wins_over_all(store: KeyStore) -> None:
    settings = ProviderSettings(key=SecretStr("given"))
    assert resolve_key("acme", "ACME_KEY", settings, {"ACME_KEY": "x"}, store).origin == "settings"


def test_the_tail_of_a_key_is_its_last_four_characters_at_most() -> None:
    assert tail(KEY) == "••••abcd"
    assert tail("short") == "••••"
    assert resolve_key("a", None, ProviderSettings(), {}, KeyStore(Path("/nonexistent/keys.toml"))).tail is None
