"""The candidates of a chain, rung by rung: none of them twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shunpike.errors import UnknownModel
from shunpike.protocols import Target
from shunpike.routing.candidates import Found
from shunpike.routing.chain import Rung
from shunpike.types import Candidate, Cause, Verdict


def find_on_rungs(rungs: Sequence[Rung], find: Callable[[str], Found]) -> tuple[list[tuple[Target, ...]], Found]:
    """Return the candidates of each of ``rungs`` without those of earlier ones, and all that were found.

    ``find`` finds the candidates of one name. Names that mean nothing are left out with the reason where another means
    something; else raises `UnknownModel`.
    """
    if len(rungs) == 1 and len(rungs[0].names) == 1:
        only = find(rungs[0].names[0])
        return [only.eligible], only
    by_rung: list[tuple[Target, ...]] = []
    eligible: dict[str, Target] = {}
    dropped: dict[tuple[str, str], Candidate] = {}
    unknown: list[UnknownModel] = []
    names = 0
    for rung in rungs:
        own: dict[str, Target] = {}
        for name in rung.names:
            names += 1
            try:
                found = find(name)
            except UnknownModel as error:
                unknown.append(error)
                dropped.setdefault((name, ""), _unknown(name, error))
                continue
            own |= {one.label: one for one in found.eligible if one.label not in eligible}
            for gone in found.dropped:
                dropped.setdefault((gone.provider, gone.model), gone)
        by_rung.append(tuple(own.values()))
        eligible |= own
    if unknown and len(unknown) == names:
        raise unknown[0]
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
