"""Which commands there are. Their modules are imported when they run, so that ``--help`` stays fast."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
import typer.core
from typing_extensions import override

ASKING = "Ask"
LOOKING = "Look"
SETTING_UP = "Set up"
TRYING = "Try without a key"

COMMANDS: dict[str, tuple[str, str, str]] = {
    "ask": ("ask", "Ask a question; the word `ask` may be left out.", ASKING),
    "chat": ("chat", "Talk, with memory; `shunpike` alone on a terminal does so too.", ASKING),
    "embed": ("embed", "Turn texts into vectors.", ASKING),
    "providers": ("providers", "Show the providers: key, tier, order, what is left; switch one off and on.", LOOKING),
    "explain": ("explain", "Show why a request went where it went.", LOOKING),
    "route": ("dry_run", "Show who would be asked, without asking anybody.", LOOKING),
    "models": ("models", "Show the models that can be asked.", LOOKING),
    "plugins": ("plugins", "Show which plugins are loaded, and which are broken and why.", LOOKING),
    "usage": ("usage", "Show requests, tokens and money spent, by provider and model.", LOOKING),
    "budget": ("budget", "Show what is spent and left of every money budget.", LOOKING),
    "limits": ("limits", "Show what is left of every limit.", LOOKING),
    "health": ("health", "Show what of the providers is closed or failing, and what they answered.", LOOKING),
    "audit": ("audit", "Show who changed what while processes run: switches, order, limits.", LOOKING),
    "balance": ("balance", "Ask the providers what is left of money and quotas.", LOOKING),
    "catalog": ("catalog", "Compare a provider's catalog with what it lists today.", LOOKING),
    "doctor": ("doctor", "Check the whole set-up.", SETTING_UP),
    "config": ("config", "Show the configuration and where each value comes from.", SETTING_UP),
    "trust": ("trust", "Let a folder's shunpike.toml say where requests go and what they may cost.", SETTING_UP),
    "keys": ("keys", "Store, list and remove keys.", SETTING_UP),
    "demo": ("demo", "Send a few hundred requests through the simulated providers.", TRYING),
    "sandbox": ("sandbox", "Serve the simulated providers on a port.", TRYING),
}


def load(name: str) -> Any:
    """Return the command called ``name``, ready to run."""
    module = import_module(f"shunpike.cli.{COMMANDS[name][0]}")
    return typer.main.get_command(module.app)


class LazyGroup(typer.core.TyperGroup):
    """Lists commands from the table above and imports one only when it is called."""

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and args[0] in COMMANDS:
            return args[0], load(args[0]), args[1:]
        return super().resolve_command(ctx, args)

    @override
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for group in dict.fromkeys(group for _, _, group in COMMANDS.values()):
            with formatter.section(group):
                formatter.write_dl([(name, text) for name, (_, text, its) in COMMANDS.items() if its == group])


def root() -> Any:
    """Return the command that knows all others by name and summary."""
    app = typer.Typer(
        cls=LazyGroup,
        name="shunpike",
        help='Answers from many LLM providers, the free ones first. Try: shunpike "What is a shunpike?"',
        rich_markup_mode=None,
    )
    app.callback()(_about)
    for name, (_, summary, _) in COMMANDS.items():
        app.command(name, help=summary)(_placeholder)
    return typer.main.get_command(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shunpike {version('shunpike')}")
        raise typer.Exit


def _about(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    pass


def _placeholder() -> None:
    """Stand in the list of commands for one that is not imported yet."""
