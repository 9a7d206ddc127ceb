"""What is counted: families of series told apart by labels, added up over processes, and written for Prometheus.

Pure: no clock, no I/O. A family has at most `MOST` series; what comes above is counted under labels that all say
`OTHER`, so that nobody who asks can fill the memory with names of his own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

MOST = 500
OTHER = "other"
KIND = "text/plain; version=0.0.4; charset=utf-8"
"""The content-type of what `exposition` writes."""


@dataclass(frozen=True)
class Family:
    """What is counted under one name."""

    name: str
    help: str
    kind: Literal["counter", "gauge", "histogram"] = "counter"
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """The upper bounds of a histogram's buckets, rising; one without a bound comes on top."""


class Series:
    """Values by family and labels. A counter or gauge is one number, a histogram its buckets and then its sum."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = {one.name: one for one in families}
        self._values: dict[str, dict[tuple[str, ...], list[float]]] = {name: {} for name in self._families}

    def add(self, name: str, labels: tuple[str, ...] = (), amount: float = 1.0) -> None:
        """Count ``amount`` more; ``labels`` are values in the order of the family's names."""
        self._of(name, labels)[0] += amount

    def observe(self, name: str, value: float, labels: tuple[str, ...] = ()) -> None:
        """Count ``value`` in a histogram."""
        row = self._of(name, labels)
        row[bisect_left(self._families[name].bounds, value)] += 1.0
        row[-1] += value

    def _of(self, name: str, labels: tuple[str, ...]) -> list[float]:
        known = self._values[name]
        row = known.get(labels)
        if row is not None:
            return row
        family = self._families[name]
        if len(labels) != len(family.labels):
            raise ValueError(f"{name} has the labels {', '.join(family.labels) or 'none'}, got {labels!r}")
        if len(known) >= MOST:
            labels = (OTHER,) * len(labels)
        return known.setdefault(labels, [0.0] * (len(family.bounds) + 2 if family.kind == "histogram" else 1))

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON types; see `merge`."""
        return {
            name: [[*labels, row] for labels, row in known.items()] for name, known in self._values.items() if known
        }

    def merge(self, plain: Mapping[str, Any], *, gauges: bool = True) -> None:
        """Add what another process counted; without ``gauges`` only what is counted and never sinks.

        What is of another version of this program, or damaged, is left out.
        """
        for name, rows in plain.items():
            family = self._families.get(name)
            if family is None or not isinstance(rows, list) or (family.kind == "gauge" and not gauges):
                continue
            for row in rows:
                self._join(family, row)

    def _join(self, family: Family, told: Any) -> None:
        match told:
            case [*labels, list(numbers)] if _fits(family, labels, numbers):
                row = self._of(family.name, tuple(labels))
                row[:] = [one + more for one, more in zip(row, numbers, strict=True)]
            case _:
                pass

    def exposition(self) -> bytes:
        """Return it in Prometheus's text format; a family of which nothing was counted is left out."""
        lines: list[str] = []
        for name, known in self._values.items():
            if not known:
                continue
            family = self._families[name]
            lines += (f"# HELP {name} {_escaped(family.help)}", f"# TYPE {name} {family.kind}")
            for labels, row in sorted(known.items()):
                pairs = list(zip(family.labels, labels, strict=True))
                lines += _buckets(family, pairs, row) if family.kind == "histogram" else [_line(name, pairs, row[0])]
        return "\n".join([*lines, ""]).encode()


def _fits(family: Family, labels: Sequence[Any], numbers: Sequence[Any]) -> bool:
    size = len(family.bounds) + 2 if family.kind == "histogram" else 1
    return (
        (len(labels), len(numbers)) == (len(family.labels), size)
        and all(isinstance(one, str) for one in labels)
        and all(isinstance(one, int | float) for one in numbers)
    )


def _buckets(family: Family, pairs: Sequence[tuple[str, str]], row: Sequence[float]) -> list[str]:
    *counts, total = row
    bounds = (*map(_number, family.bounds), "+Inf")
    risen = list(accumulate(counts))
    return [
        *(
            _line(f"{family.name}_bucket", [*pairs, ("le", bound)], count)
            for bound, count in zip(bounds, risen, strict=True)
        ),
        _line(f"{family.name}_sum", pairs, total),
        _line(f"{family.name}_count", pairs, risen[-1]),
    ]


def _line(name: str, pairs: Sequence[tuple[str, str]], value: float) -> str:
    told = ",".join(f'{label}="{_quoted(text)}"' for label, text in pairs)
    return f"{name}{{{told}}} {_number(value)}" if told else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
