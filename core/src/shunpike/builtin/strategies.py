"""The core's own strategies by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shunpike.builtin.balanced import Balanced, weights_of
from shunpike.builtin.cost import Cheapest
from shunpike.builtin.latency import Fastest
from shunpike.builtin.priority import Priority
from shunpike.builtin.quality import Quality
from shunpike.builtin.spread import EvenUse
from shunpike.protocols import Strategy

OWN_STRATEGIES: dict[str, Callable[[Mapping[str, Any]], Strategy]] = {
    Priority.name: lambda _: Priority(),
    Cheapest.name: lambda _: Cheapest(),
    Fastest.name: lambda _: Fastest(),
    Balanced.name: lambda options: Balanced(weights_of(options)),
    EvenUse.name: lambda _: EvenUse(),
    Quality.name: Quality,
}
"""Name → what makes it of ``strategy_options``, of which it takes those that it knows."""
