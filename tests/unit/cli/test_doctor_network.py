"""What ``doctor`` and ``config show`` say of proxies and certificates."""

from __future__ import annotations

from pathlib import Path

import pytest
from typing_extensions import override

from shunpike.hookspecs import hookimpl
from shunpike.types import ProviderInfo
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli

SECRET = "s3cret-word"
LOGIN = f"http://user:{SECRET}@proxy.example:3128"


class Remote(ScriptedProvider):
    """A provider on the internet."""

    @override
    @hookimpl
    def shunpike_providers(self) -> list[ProviderInfo]:
        (info,) = super().shunpike_providers()
        return [info.model_copy(update={"base_url": "https://api.example.com/v1"})]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_doctor_says_which_proxies_are_in_force_and_by_which_variable(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", LOGIN)
    monkeypatch.setenv("SHUNPIKE_PROVIDERS__BETA__PROXY", f"http://other:{SECRET}@second.example")
    monkeypatch.setenv("SHUNPIKE_PROVIDERS__GAMMA__PROXY", "none")
    names = ("acme", "beta", "gamma")
    ran = cli("doctor", *form, providers=tuple(Remote(name, answer()) for name in names))
    assert "proxy http://proxy.example:3128 (the variable HTTPS_PROXY): for acme" in ran.out
    assert "proxy http://second.example (the setting proxy): for beta" in ran.out
    assert "certificates: those of the package certifi" in ran.out
    assert SECRET not in ran.out + ran.err


def test_doctor_says_that_there_is_no_proxy(cli: Cli) -> None:
    assert "no proxy is in force" in cli("doctor", providers=(Remote("acme", answer()),)).out


def test_config_show_hides_the_password_of_a_proxy(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (LOGIN, LOGIN.removeprefix("http://")):
        monkeypatch.setenv("SHUNPIKE_PROVIDERS__ACME__PROXY", value)
        for form in ((), ("--json",)):
            ran = cli("config", "show", "--origin", *form, providers=(Remote("acme", answer()),))
            assert "proxy.example:3128" in ran.out
            assert SECRET not in ran.out + ran.err


def test_a_password_of_a_proxy_has_no_place_in_a_file(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "user.toml"
    file.write_text(f'[providers.acme]\nproxy = "{LOGIN}"\n')
    monkeypatch.setenv("SHUNPIKE_CONFIG", str(file))
    ran = cli("config", "show", providers=(Remote("acme", answer()),))
    assert ran.code == 3
    assert "providers.acme.proxy holds a user or password" in ran.err
    assert "SHUNPIKE_PROVIDERS__ACME__PROXY" in ran.err
    assert SECRET not in ran.out + ran.err


def test_a_proxy_that_can_not_be_one_is_told_by_its_setting_and_not_repeated(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHUNPIKE_PROVIDERS__ACME__PROXY", f"gopher://user:{SECRET}@host")
    ran = cli("config", "show", providers=(Remote("acme", answer()),))
    assert ran.code == 3
    assert "SHUNPIKE_PROVIDERS__ACME__PROXY" in ran.err
    assert "http://proxy.example:3128" in ran.err
    assert SECRET not in ran.out + ran.err
