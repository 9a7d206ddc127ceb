"""The tables at the end of the demo: what each provider did, and whether the ledger equals its books."""

from __future__ import annotations

from typing import Any

from shunpike.cli.demo_run import Result
from shunpike.cli.forms import left_at
from shunpike.cli.output import NOTHING, narrate, plain, say, table
from shunpike.types import ZERO, Money, UsageRow
from shunpike.types.base import Record


class Line(Record):
    """One provider's part in the demo."""

    provider: str
    requests: int
    answered: int
    fallovers: int
    prompt_tokens: int
    completion_tokens: int
    cost: Money
    credit: Money
    left: str
    equal: bool


def lines(result: Result) -> list[Line]:
    """Return one line for each provider of the world, in the order in which they are tried."""
    rows = sorted(result.statuses, key=lambda row: (row.order, row.name))
    return [_line(result, row.name, left_at(row.remaining) or NOTHING) for row in rows]


def _line(result: Result, name: str, left_words: str) -> Line:
    own = [row for row in result.ledger if row.provider == name]
    return Line(
        provider=name,
        requests=sum(row.requests for row in own),
        answered=sum(row.answered for row in own),
        fallovers=result.fallovers.get(name, 0),
        prompt_tokens=sum(row.prompt_tokens for row in own),
        completion_tokens=sum(row.completion_tokens for row in own),
        cost=_sum(own, "cost"),
        credit=_sum(own, "credit"),
        left=left_words,
        equal=not any(text.startswith(f"{name}: ") for text in result.differences),
    )


def _sum(rows: list[UsageRow], field: str) -> Money:
    return sum((getattr(row, field) for row in rows), ZERO)


def show(result: Result) -> None:
    """Write the tables to stdout."""
    narrate()
    headings = ("provider", "requests", "answered", "fall-overs", "tokens in", "tokens out", "cost", "credit", "left")
    shown = lines(result)
    say(table(headings, [_cells(line) for line in shown], right=range(1, 8)))
    failed = "".join(f", {number} ended as {name}" for name, number in sorted(result.failures.items()))
    say(f"\n{result.answered} answered in {result.seconds:.1f} s{failed}")
    mixed = ", ".join(f"{number} {kind}" for kind, number in sorted(result.kinds.items()))
    say(f"by kind: {mixed}")
    say("\nThe ledger against the providers' own books (attempts, answers, tokens in and out, money, credit):")
    for line in shown:
        say(f"  {'✓' if line.equal else '✗'} {line.provider}: {'equal' if line.equal else 'different'}")
    for text in result.differences:
        say(f"      {text}")
    for name in result.silent:
        say(f"  ✗ {name} never answered")
    say("ledger = books" if result.sound else "ledger ≠ books" if result.differences else "not every provider answered")


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.provider,
        f"{line.requests:,}",
        f"{line.answered:,}",
        f"{line.fallovers:,}",
        f"{line.prompt_tokens:,}",
        f"{line.completion_tokens:,}",
        str(line.cost),
        str(line.credit),
        line.left,
    )


def as_object(result: Result) -> dict[str, Any]:
    """Return the same as JSON types."""
    return {
        "requests": result.plan.requests,
        "seed": result.plan.seed,
        "seconds": round(result.seconds, 3),
        "answered": result.answered,
        "kinds": result.kinds,
        "failures": result.failures,
        "providers": [plain(line) for line in lines(result)],
        "books": [plain(row) for row in result.books],
        "differences": list(result.differences),
        "silent": list(result.silent),
        "ledger_equals_books": not result.differences,
    }
