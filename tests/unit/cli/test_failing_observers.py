"""An observer that fails is told of with its error, after the answer and on stderr; never in the middle of it."""

from __future__ import annotations

import json

import pytest

from shunpike.hookspecs import hookimpl
from shunpike.types import Event
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import Cli


class Watcher:
    """An observer that can't bear what it sees."""

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        raise KeyError(f"no column for {type(event).__name__}")


SAID = "the plugin watcher failed in shunpike_event: KeyError: 'no column for RequestStarted'"


@pytest.mark.parametrize("more", [(), ("--no-stream",), ("-q",)])
def test_it_is_told_after_the_answer_with_its_error(cli: Cli, more: tuple[str, ...]) -> None:
    ran = cli("ask", "hi", *more, providers=(ScriptedProvider("acme"),), plugins={"watcher": Watcher()})
    assert (ran.code, ran.out) == (0, "fine\n")
    assert ran.err.count(SAID) == 1
    assert ran.err.rstrip().rpartition("\n")[2].startswith(f"warning: {SAID}")


def test_beside_json_it_is_a_line_of_json(cli: Cli) -> None:
    ran = cli("ask", "hi", "--json", providers=(ScriptedProvider("acme"),), plugins={"watcher": Watcher()})
    assert json.loads(ran.out)["text"] == "fine"
    assert SAID in json.loads(ran.err)["warning"]["message"]


def test_it_is_told_beside_an_error_too(cli: Cli) -> None:
    broken = ScriptedProvider("acme", KeyError("choices"))
    ran = cli("ask", "hi", providers=(broken,), plugins={"watcher": Watcher()})
    assert ran.code == 6
    assert ran.err.index(SAID) < ran.err.index("error: ")


def test_in_a_conversation_it_is_told_after_the_first_answer_and_once(cli: Cli) -> None:
    given = {"providers": (ScriptedProvider("acme"),), "plugins": {"watcher": Watcher()}}
    ran = cli("chat", "--no-save", stdin="one\ntwo\n", **given)
    assert ran.err.count(SAID) == 1
    assert ran.err.index(SAID) < ran.err.rindex("acme/m")
