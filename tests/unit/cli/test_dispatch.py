from __future__ import annotations

import pytest
import typer

from shunpike.cli.commands import COMMANDS, load
from shunpike.cli.dispatch import meant
from shunpike.errors import UsageError
from shunpike.hookspecs import hookimpl
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli


def never(name: str) -> None:
    raise AssertionError(f"plugins were looked up for {name!r}")


def nobody(name: str) -> None:
    return None


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("doctor", "--json"), ("doctor", "--json")),
        (("--version",), ("--version",)),
        (("--help",), ("--help",)),
        (("help",), ("--help",)),
        (("help", "keys"), ("keys", "--help")),
        (("What is a shunpike?",), ("ask", "What is a shunpike?")),
        (("What", "is", "it"), ("ask", "What", "is", "it")),
        (("-s", "Be short", "Go on"), ("ask", "-s", "Be short", "Go on")),
        (("",), ("ask", "")),
    ],
)
def test_commands_and_questions_are_told_apart_without_loading_plugins(
    arguments: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    assert meant(arguments, piped=False, lookup=never) == (None, wanted)


def test_nothing_at_all_shows_the_help_or_reads_stdin() -> None:
    assert meant((), piped=False, lookup=never) == (None, ("--help",))
    assert meant((), piped=True, lookup=never) == (None, ("ask",))
    assert meant((), piped=True, watched=True, lookup=never) == (None, ("ask",))


def test_nothing_at_all_is_a_talk_where_a_person_reads_and_writes() -> None:
    assert meant((), piped=False, watched=True, lookup=never) == (None, ("chat",))


@pytest.mark.parametrize(
    ("slip", "right"), [("doctro", "doctor"), ("model", "models"), ("key", "keys"), ("limit", "limits")]
)
def test_a_misspelt_command_is_no_question(slip: str, right: str) -> None:
    with pytest.raises(UsageError, match=f'Did you mean "{right}"') as caught:
        meant((slip,), piped=False, lookup=nobody)
    assert caught.value.hint is not None
    assert f"shunpike ask {slip}" in caught.value.hint


def test_another_plain_word_is_a_question() -> None:
    assert meant(("hello",), piped=False, lookup=nobody) == (None, ("ask", "hello"))


class Greeter:
    """A plugin with a command of its own."""

    @hookimpl
    def shunpike_commands(self) -> list[typer.Typer]:
        app = typer.Typer(name="greet")

        @app.command()
        def greet(name: str, loud: bool = False) -> None:
            typer.echo(f"hello {name}{'!' if loud else ''}")

        return [app]


def test_a_plugins_command_runs_under_its_name(cli: Cli) -> None:
    plugins = {"greeter": Greeter()}
    assert cli("greet", "you", "--loud", plugins=plugins).out == "hello you!\n"
    ran = cli("greet", plugins=plugins)
    assert (ran.code, ran.out) == (2, "")
    assert "hint: shunpike greet --help" in ran.err


def test_without_such_a_plugin_the_word_is_a_question(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer())
    assert cli("greet", providers=(acme,)).code == 0
    assert acme.backend.calls[0].request.messages[0].text == "greet"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_can_be_loaded_and_explains_itself(name: str, cli: Cli) -> None:
    assert load(name).help
    ran = cli(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"Usage: shunpike {name}" in ran.out


def test_the_help_lists_every_command(cli: Cli) -> None:
    ran = cli("--help")
    assert ran.code == 0
    assert all(f"\n  {name} " in ran.out for name in COMMANDS)


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").out.startswith("shunpike 0.")


@pytest.mark.parametrize("arguments", [("keys", "sett"), ("keys",), ("config", "shw"), ("models", "--al")])
def test_a_wrong_subcommand_is_a_usage_error_in_our_form(cli: Cli, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert f"hint: shunpike {arguments[0]} --help" in ran.err
