"""From the model that a call names to what is asked: the operator's first rule that fits, then his aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from shunpike.routing.chain import Arrange, Chain, Rung, unfold
from shunpike.routing.foreign_names import ForeignNames
from shunpike.routing.rules import Occasion, first_rule
from shunpike.types import ModelAlias, RoutingRule


class Meant(NamedTuple):
    """What a request asks for, once rules and aliases were followed."""

    chain: Chain
    rule: str | None = None
    """The rule that was for it, such as ``routing.rule[1]``, or the pattern that its name fits."""
    alias: str | None = None
    strategy: str | None = None
    """The rule's, if it names one."""

    def rungs(self, arrange: Arrange) -> tuple[Rung, ...]:
        """Return what is asked, one after the other; neighbours with weights as ``arrange`` puts them."""
        return tuple(self.chain.rungs(arrange))


class Naming:
    """The operator's rules, aliases, and names for what nobody has. What a name stands for is found once."""

    def __init__(
        self, aliases: Mapping[str, ModelAlias], rules: Sequence[RoutingRule] = (), foreign: Mapping[str, str] = {}
    ) -> None:
        self._foreign = ForeignNames(foreign)
        self._chains = {name: unfold(name, aliases) for name in aliases}
        self._rules = tuple(rules)

    def asked(self, occasion: Occasion) -> Meant:
        """Return what a request asks for that comes on ``occasion``."""
        if self._rules and (found := first_rule(self._rules, occasion)) is not None:
            place, rule = found
            chain = self.chain(rule.use or occasion.model)
            return Meant(chain, f"routing.rule[{place}]", self._alias(chain), rule.strategy)
        chain = self.chain(occasion.model)
        return Meant(chain, alias=self._alias(chain))

    def instead(self, meant: Meant, has: Callable[[str], bool]) -> Meant | None:
        """Return what is asked instead of ``meant``: where it is a name that nobody has, and a pattern fits it."""
        name = meant.chain.name
        found = None if name in self._chains else self._foreign.stand_in(name)
        if found is None or has(name):
            return None
        chain = self.chain(found.model)
        told = found.text if meant.rule is None else f"{meant.rule}, {found.text}"
        return Meant(chain, told, self._alias(chain), meant.strategy)

    def chain(self, name: str) -> Chain:
        """Return what ``name`` stands for: itself, where it is no alias."""
        return self._chains.get(name) or Chain(name, Rung((name,)))

    def _alias(self, chain: Chain) -> str | None:
        return chain.name if chain.name in self._chains else None
