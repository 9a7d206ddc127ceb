"""The tables of ``gateway.py``, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

Figures = Mapping[str, Mapping[str, Sequence[float]]]
"""Measurement → figure → the value of each round."""
OURS = "shunpike, ledger in SQLite"
DIRECT = "direct"


def told(found: Mapping[str, Figures]) -> str:
    """Return all tables; ratios are to our own row."""
    return "\n".join((_unary(found), _rate(found), _streams(found), _starts(found)))


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"{title}\n", f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    return "\n".join((*lines, *(f"| {' | '.join(row)} |" for row in rows))) + "\n"


def _mid(figures: Figures, measure: str, name: str) -> float:
    return median(figures[measure][name])


def _span(figures: Figures, measure: str, name: str, form: str = "{:.2f}") -> str:
    values = figures[measure][name]
    return f"{form.format(median(values))} ({form.format(min(values))}-{form.format(max(values))})"


def _ratio(found: Mapping[str, Figures], title: str, measure: str, name: str) -> str:
    if title == DIRECT or OURS not in found:
        return "-"
    return f"{_mid(found[title], measure, name) / _mid(found[OURS], measure, name):.1f}"


def _added(found: Mapping[str, Figures], title: str, measure: str, name: str) -> str:
    """Return the milliseconds that a gateway adds to what the upstream takes by itself."""
    own = _mid(found[DIRECT], measure, name)
    if title == DIRECT:
        return f"itself {own:.2f}"
    return f"{_mid(found[title], measure, name) - own:.2f}"


def _rows(found: Mapping[str, Figures], cells: Callable[[str, Figures], Sequence[str]]) -> list[Sequence[str]]:
    return [(title, *cells(title, figures)) for title, figures in found.items()]


def _unary(found: Mapping[str, Figures]) -> str:
    def cells(title: str, figures: Figures) -> Sequence[str]:
        return (
            *(f"{_mid(figures, one, 'a_second'):,.0f}" for one in ("c1", "c16", "c64")),
            "-" if title == DIRECT else _span(figures, "c64", "cpu"),
            _ratio(found, title, "c64", "cpu"),
            *(_added(found, title, one, at) for one in ("c1", "c16", "c64") for at in ("p50", "p99")),
        )

    heads = ("whole answers", "a second, c=1", "c=16", "c=64", "CPU s per 1,000, c=64", "x shunpike")
    more = tuple(f"added {at} c={many}, ms" for many in (1, 16, 64) for at in ("p50", "p99"))
    return _table("Closed loop, one core", (*heads, *more), _rows(found, cells))


def _rate(found: Mapping[str, Figures]) -> str:
    def cells(title: str, figures: Figures) -> Sequence[str]:
        return (
            f"{_mid(figures, 'rate', 'a_second'):,.0f}",
            *(_added(found, title, "rate", at) for at in ("p50", "p99")),
            "-" if title == DIRECT else _span(figures, "rate", "cpu"),
        )

    heads = ("100 requests a second", "reached", "added p50, ms", "added p99, ms", "CPU s per 1,000")
    return _table("Open loop, one core", heads, _rows(found, cells))


def _streams(found: Mapping[str, Figures]) -> str:
    def cells(title: str, figures: Figures) -> Sequence[str]:
        return (
            f"{_mid(figures, 'burst', 'a_second'):,.0f}",
            f"{_mid(figures, 'burst', 'events_a_second'):,.0f}",
            f"{_mid(figures, 'burst', 'first_p50'):.1f}",
            *("-" if title == DIRECT else _span(figures, one, "cpu") for one in ("burst", "paced")),
            _ratio(found, title, "burst", "cpu"),
            *(_added(found, title, "paced", one) for one in ("first_p50", "first_p99", "p50")),
        )

    heads = ("104 events, c=16", "streams a second", "events a second", "first byte p50, ms")
    cost = ("CPU ms each, at once", "CPU ms each, one per 10 ms", "x shunpike")
    paced = ("paced: added first byte p50, ms", "p99", "added in all p50, ms")
    return _table("Streams, one core", (*heads, *cost, *paced), _rows(found, cells))


def _starts(found: Mapping[str, Figures]) -> str:
    def cells(title: str, figures: Figures) -> Sequence[str]:
        del title
        names = ("seconds", "cpu", "idle", "loaded")
        return tuple(_span(figures, "start", name, "{:.2f}" if name in names[:2] else "{:.0f}") for name in names)

    others = {title: figures for title, figures in found.items() if title != DIRECT}
    heads = ("from the start", "to the first answer, s", "CPU s", "PSS idle, MB", "PSS after the load, MB")
    return _table("Start and memory", heads, _rows(others, cells))
