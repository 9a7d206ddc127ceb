"""Tables whose keys are the owner's own: what stands in them is checked as far as it is known what it must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.config import load
from shunpike.errors import ConfigError

from ...trusted import trusted  # noqa: TID252 - the tests are no package


@pytest.mark.parametrize("value", ["5", "true", "[1]", "{ b = 1 }", "1.5"])
def test_a_header_that_is_no_text_is_named(tmp_path: Path, value: str) -> None:
    trusted(tmp_path, f"[providers.local]\nheaders = {{ a = {value} }}\n")
    with pytest.raises(ConfigError, match=r"shunpike\.toml: providers\.local\.headers\.a: should be text") as caught:
        load(cwd=tmp_path, environ={})
    assert caught.value.hint


@pytest.mark.parametrize("value", ["Zoë", "zzz\\nb", " zzz", "zzz\\u0000"])
def test_a_header_that_can_not_be_sent_is_named_and_its_value_is_not(tmp_path: Path, value: str) -> None:
    trusted(tmp_path, f'[providers.local]\nheaders = {{ "x-team" = "{value}" }}\n')
    with pytest.raises(ConfigError, match=r"providers\.local\.headers\.x-team: the value of the header") as caught:
        load(cwd=tmp_path, environ={})
    assert value not in caught.value.message


def test_a_header_with_an_impossible_name_is_named(tmp_path: Path) -> None:
    trusted(tmp_path, '[providers.local]\nheaders = { "x team" = "a" }\n')
    with pytest.raises(ConfigError, match="'x team' is not the name of a header"):
        load(cwd=tmp_path, environ={})


def test_a_header_from_a_variable_is_text_whatever_it_looks_like(tmp_path: Path) -> None:
    loaded = load(cwd=tmp_path, environ={"SHUNPIKE_PROVIDERS__LOCAL__HEADERS__A": "5"})
    assert loaded.settings.providers["local"].headers == {"a": "5"}


def test_a_header_from_python_is_checked_as_well(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"argument: providers\.local\.headers\.a: should be text"):
        load({"providers": {"local": {"headers": {"a": 5}}}}, cwd=tmp_path, environ={})


@pytest.mark.parametrize("table", ["headers", "options"])
def test_a_free_table_that_is_none_is_named(tmp_path: Path, table: str) -> None:
    trusted(tmp_path, f"[providers.local]\n{table} = 5\n")
    with pytest.raises(ConfigError, match=rf"providers\.local\.{table}: should be a table"):
        load(cwd=tmp_path, environ={})


def test_an_empty_section_is_there_and_takes_nothing_away(tmp_path: Path) -> None:
    user = tmp_path / "user.toml"
    user.write_text("[providers.acme]\norder = 3\n[providers.empty]\n")
    trusted(tmp_path, "[providers.acme]\n[providers.empty]\n[providers.other]\norder = 1\n")
    settings = load(cwd=tmp_path, environ={"SHUNPIKE_CONFIG": str(user)}).settings
    assert settings.providers["acme"].order == 3
    assert set(settings.providers) == {"acme", "empty", "other"}
    more = {"SHUNPIKE_CONFIG": str(user), "SHUNPIKE_PROVIDERS__EMPTY__ORDER": "7"}
    assert load(cwd=tmp_path, environ=more).settings.providers["empty"].order == 7
