"""The candidates of a chain, rung by rung: none of them twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shunpike.errors import UnknownModel
from shunpike.protocols import Target
from shunpike.routing.candidates import Allowed, CandidateIndex, Demand, Found
from shunpike.routing.chain import Rung
from shunpike.types import Candidate, Cause, Verdict

Joined = tuple[list[tuple[Target, ...]], Found]
"""The candidates of each rung, and all that were found."""
MOST_JOINED = 64
"""Chains whose candidates are kept."""


class ChainIndex:
    """Finds the candidates of chains. While those of its names are the same, a chain is not looked at again."""

    def __init__(self, index: CandidateIndex) -> None:
        self._index = index
        self._kept: dict[object, tuple[object, Joined]] = {}

    def find(self, rungs: Sequence[Rung], demand: Demand, allowed: Allowed, now: float = 0.0) -> Joined:
        """Return the candidates of each of ``rungs`` without those of earlier ones, and all that were found.

        Names that mean nothing are left out with the reason where another means something; else raises `UnknownModel`.
        Raises `UnknownProvider`. ``now`` is epoch seconds.
        """
        if len(rungs) == 1 and len(rungs[0].names) == 1:
            only = self._index.find(rungs[0].names[0], demand, allowed, now)
            return [only.eligible], only
        names = dict.fromkeys(name for rung in rungs for name in rung.names)
        found = {name: self._look(name, demand, allowed, now) for name in names}
        key = (tuple(rung.names for rung in rungs), tuple(id(one) for one in found.values()))
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= MOST_JOINED:
                self._kept.clear()
            # What it was made of is kept as well, so that no other gets its place in memory.
            kept = self._kept[key] = [*found.values()], _joined(rungs, found)
        return kept[1]

    def has(self, name: str) -> bool:
        """Whether anything that is set up is called ``name``."""
        return self._index.has(name)

    def _look(self, name: str, demand: Demand, allowed: Allowed, now: float) -> Found | UnknownModel:
        try:
            return self._index.find(name, demand, allowed, now)
        except UnknownModel as error:
            return error


def _joined(rungs: Sequence[Rung], found: Mapping[str, Found | UnknownModel]) -> Joined:
    unknown = [one for one in found.values() if isinstance(one, UnknownModel)]
    if unknown and len(unknown) == len(found):
        raise unknown[0]
    by_rung: list[tuple[Target, ...]] = []
    eligible: dict[str, Target] = {}
    dropped: dict[tuple[str, str], Candidate] = {}
    for rung in rungs:
        own: dict[str, Target] = {}
        for name in rung.names:
            one = found[name]
            there = Found((), (_unknown(name, one),)) if isinstance(one, UnknownModel) else one
            own |= {target.label: target for target in there.eligible if target.label not in eligible}
            for gone in there.dropped:
                dropped.setdefault((gone.provider, gone.model), gone)
        by_rung.append(tuple(own.values()))
        eligible |= own
    left_out = tuple(gone for gone in dropped.values() if f"{gone.provider}/{gone.model}" not in eligible)
    return by_rung, Found(tuple(eligible.values()), left_out)


def _unknown(name: str, error: UnknownModel) -> Candidate:
    provider, slash, model = name.partition("/")
    return Candidate(
        provider=provider if slash else "*",
        model=model if slash else name,
        verdict=Verdict.DROPPED,
        reason=error.message,
        cause=Cause.UNABLE,
    )
