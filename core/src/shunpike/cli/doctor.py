"""``shunpike doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from shunpike.cli.checkup import examine
from shunpike.cli.findings import Finding, Level
from shunpike.cli.options import Json, command_app
from shunpike.cli.output import as_json, narrate, safe, say
from shunpike.cli.session import run

app = command_app("Check the whole set-up.")

_MARKS = {Level.OK: "✓", Level.WARNING: "!", Level.PROBLEM: "✗", Level.NOTE: "-"}


@app.command()
def doctor(
    *,
    online: Annotated[bool, typer.Option("--online", help="Ask every provider, with calls that cost nothing.")] = False,
    json: Json = False,
) -> None:
    """Check configuration, keys, ledger, plugins and providers; exit 1 when something is broken."""
    findings = run(lambda: examine(online=online))
    problems = sum(one.level is Level.PROBLEM for one in findings)
    warnings = sum(one.level is Level.WARNING for one in findings)
    if json:
        as_json({"ok": not problems, "problems": problems, "warnings": warnings, "checks": findings})
    else:
        _show(findings)
        say(f"\n{_count(problems, 'problem')}, {_count(warnings, 'warning')}")
    if problems:
        if not json:
            narrate("\nhint: correct what is marked ✗, then run it again: shunpike doctor")
        raise typer.Exit(1)


def _show(findings: list[Finding]) -> None:
    for section in dict.fromkeys(one.section for one in findings):
        say(f"{section}")
        for one in findings:
            if one.section == section:
                say(f"  {_MARKS[one.level]} {safe(one.text)}")
                if one.hint:
                    say(f"      hint: {safe(one.hint)}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number or 'no'} {word}s"
