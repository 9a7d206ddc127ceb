"""A plugin that is broken is named where its provider is asked for, and what to do about it fits."""

from __future__ import annotations

import json

import pytest

from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.types.plugin import Broken
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import Cli

LOST = Broken(name="lost", distribution="shunpike-lost", version="1.2", reason="ImportError: no module named gone")


class Raising(ScriptedProvider):
    """A provider whose plugin makes no backend."""

    @hookimpl
    def shunpike_completion(self, provider: str, settings: object) -> object:
        if provider == self.name:
            raise KeyError("region")
        return None


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Host, "broken", (LOST,))


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "-p", "lost", "hi"),
        ("ask", "-m", "lost/some-model", "hi"),
        ("ask", "-m", "lost/auto", "hi"),
        ("embed", "-p", "lost", "-m", "some-model", "hi"),
        ("models", "-p", "lost"),
        ("models", "-p", "lost", "--live"),
        ("limits", "-p", "lost"),
        ("keys", "set", "lost"),
    ],
)
@pytest.mark.usefixtures("lost")
def test_the_broken_plugin_is_named_where_its_provider_is_asked_for(cli: Cli, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments, providers=(ScriptedProvider("acme"),))
    assert "the plugin lost (shunpike-lost 1.2) is broken: ImportError: no module named gone" in ran.err
    assert "hint: upgrade or uninstall shunpike-lost" in ran.err
    assert ran.code == 3


@pytest.mark.usefixtures("lost")
def test_a_broken_plugin_stands_in_nobodys_way(cli: Cli) -> None:
    ran = cli("ask", "hi", providers=(ScriptedProvider("acme"),))
    assert (ran.code, "lost" in ran.err) == (0, False)


def test_a_hook_that_raises_is_told_beside_the_answer_of_the_next(cli: Cli) -> None:
    ran = cli("ask", "hi", providers=(Raising("first"), ScriptedProvider("second")))
    assert ran.code == 0
    assert "first" in ran.err
    assert "KeyError: 'region'" in ran.err


def test_alone_it_is_the_error_with_the_code_of_a_wrong_set_up(cli: Cli) -> None:
    ran = cli("ask", "hi", providers=(Raising("first"),))
    assert "plugin 'first': shunpike_completion raised KeyError: 'region'" in ran.err
    assert "hint: upgrade or uninstall" in ran.err
    assert ran.code == 3
    told = json.loads(cli("ask", "hi", "--json", providers=(Raising("first"),)).err)["error"]
    assert (told["exit_code"], told["type"]) == (3, "configuration_error")


def test_doctor_blames_the_plugin_and_neither_the_key_nor_the_network(cli: Cli) -> None:
    ran = cli("doctor", providers=(Raising("first"),))
    assert ran.code == 1
    assert "shunpike_completion raised KeyError: 'region'" in ran.out
    assert "upgrade or uninstall its package (shunpike plugins), or switch it off" in ran.out
    assert "replace the key" not in ran.out
    assert "online" not in ran.out.partition("KeyError")[2]


@pytest.mark.parametrize("more", [(), ("--no-stream",)])
def test_in_an_attempt_it_has_the_code_of_providers_that_failed(cli: Cli, more: tuple[str, ...]) -> None:
    ran = cli("ask", "hi", *more, providers=(ScriptedProvider("first", KeyError("choices")),))
    assert "plugin 'first': its " in ran.err
    assert "raised KeyError: 'choices'" in ran.err
    assert "hint: upgrade or uninstall its package" in ran.err
    assert ran.code == 6


def test_in_an_attempt_it_is_a_fall_over_that_the_footer_names(cli: Cli) -> None:
    ran = cli("ask", "hi", providers=(ScriptedProvider("first", KeyError("x")), ScriptedProvider("second")))
    assert ran.code == 0
    assert "1 fall-over: first's plugin failed" in ran.err
