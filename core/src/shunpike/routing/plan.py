"""From a request to the flat list of targets: each visited at most once, each left out with its reason."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from shunpike.errors import UnknownModel, UnknownProvider
from shunpike.protocols import Ranked, RoutableRequest, Target, View
from shunpike.routing.affinity import OFF, PlannedTurn
from shunpike.routing.chain import Rung
from shunpike.routing.names import Wanted, wanted_models
from shunpike.types import Candidate, Cause, DeniedBy, ModelInfo, Verdict
from shunpike.types.base import Record

PRACTICAL_MINIMUM = 16
"""Output tokens below which an answer is of no use: a context that leaves less counts as too small."""


class Targets(Record):
    """Everything that could be asked, and what could not and why."""

    targets: tuple[Target, ...]
    unavailable: tuple[Candidate, ...] = ()
    """Providers that are switched off or have no key, with the reason."""
    names: tuple[str, ...] = ()
    """Every configured or installed provider, usable or not."""
    catalog: tuple[ModelInfo, ...] = ()
    """Every known model, the retired ones included."""
    real: bool = False
    """Whether a key of a real provider exists: then a sandbox answers only where it is named."""


@dataclass(frozen=True)
class Plan:
    """The candidates in the order in which they are tried, and those that were left out."""

    ranked: tuple[Ranked, ...]
    dropped: tuple[Candidate, ...]
    strategy: str
    rule: str | None = None
    """The operator's rule that was for the request, as ``routing.rule[1]``, if one was."""
    alias: str | None = None
    """The operator's alias that the request, or the rule, named, if one was."""
    conversation: PlannedTurn = OFF
    """What is known of the conversation that the request is a turn of."""

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """Those that are tried, in order."""
        return tuple(one.target for one in self.ranked)


class Allowed(Record):
    """What the owner and the caller allow."""

    providers: tuple[str, ...] | None = None
    allow_paid: bool = False
    longest_text: int = 0
    """Tokens of the longest text to embed: each has the context for itself."""


class Found(NamedTuple):
    """Candidates, and those that can't answer, each with its reason."""

    eligible: tuple[Target, ...]
    dropped: tuple[Candidate, ...]


def find_candidates(name: str, request: RoutableRequest, known: Targets, allowed: Allowed, view: View) -> Found:
    """Return who can answer ``request`` as ``name``. Raises `UnknownProvider` and `UnknownModel`, with near names."""
    _check_providers(allowed.providers, known.names)
    wanted = wanted_models(name, known.targets, known.catalog, known.names)
    eligible: list[Target] = []
    dropped = [gone for gone in known.unavailable if _could_be_meant(gone, wanted, allowed)]
    named = [target for target in known.targets if wanted.matches(target)]
    for target in named:
        if target.provider.simulated and known.real and not _is_named(target, wanted, allowed):
            continue
        reason = _why_not(target, request, allowed, view, explicit=wanted.explicit)
        if reason is None:
            eligible.append(target)
        elif reason.text:
            dropped.append(_dropped(target, reason))
    if not eligible and not dropped:
        dropped = [
            gone for gone in known.unavailable if allowed.providers is None or gone.provider in allowed.providers
        ]
    return Found(tuple(eligible), tuple(dropped))


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


def _could_be_meant(gone: Candidate, wanted: Wanted, allowed: Allowed) -> bool:
    """Whether ``gone`` is of a provider that was asked for: that others are not set up is no news then."""
    if allowed.providers is not None and gone.provider not in allowed.providers:
        return False
    if wanted.provider is not None:
        return gone.provider == wanted.provider
    return not wanted.explicit or gone.provider in {provider for provider, _ in wanted.ids}


def _check_providers(asked: Sequence[str] | None, names: Sequence[str]) -> None:
    for name in asked or ():
        if name not in names:
            raise UnknownProvider(
                f'there is no provider called "{name}"{_did_you_mean(name, names)}',
                hint=f"installed providers: {', '.join(sorted(names)) or 'none'}       (shunpike providers)",
            )


def _is_named(target: Target, wanted: Wanted, allowed: Allowed) -> bool:
    return wanted.explicit or wanted.provider == target.name or target.name in (allowed.providers or ())


class _Reason(NamedTuple):
    """Why a target is left out; an empty text need not even be mentioned."""

    text: str
    cause: Cause
    by: DeniedBy | None = None
    context: int | None = None


_UNMENTIONED = _Reason("", Cause.UNABLE)


def _why_not(
    target: Target, request: RoutableRequest, allowed: Allowed, view: View, *, explicit: bool
) -> _Reason | None:
    """Return why ``target`` can't answer, None when it can."""
    if allowed.providers is not None and target.name not in allowed.providers:
        return _UNMENTIONED
    if target.model.kind != request.kind:
        kind = "not a chat model" if request.kind == "chat" else "not an embedding model"
        return _Reason(kind, Cause.UNABLE) if explicit else _UNMENTIONED
    if target.tier not in target.model.limits:
        return _Reason(f"not offered on the tier {target.tier}", Cause.POLICY)
    if target.paid and not allowed.allow_paid:
        return _Reason("costs money, and allow_paid is off", Cause.POLICY, DeniedBy.POLICY)
    return _unable(target, request, allowed, view)


def _unable(target: Target, request: RoutableRequest, allowed: Allowed, view: View) -> _Reason | None:
    lacking = sorted(request.needs - _capabilities(target.model))
    if lacking:
        return _Reason(f"lacks {', '.join(lacking)}", Cause.UNABLE)
    context = target.model.context
    what, size, smallest = "prompt", view.prompt_tokens, min(PRACTICAL_MINIMUM, view.max_output)
    if request.kind == "embedding":
        # Vectors take nothing of the context.
        what, size, smallest = "longest text", allowed.longest_text, 0
    if context is not None and size + smallest > context:
        text = f"context too small: {context:,} tokens, the {what} takes about {size:,}"
        return _Reason(text, Cause.CONTEXT, context=context)
    return None


def _capabilities(model: ModelInfo) -> frozenset[str]:
    # A model that follows a schema can also write plain JSON.
    return model.features | {"json"} if "json_schema" in model.features else model.features


def _dropped(target: Target, reason: _Reason) -> Candidate:
    return Candidate(
        provider=target.name,
        model=target.model.id,
        verdict=Verdict.DROPPED,
        reason=reason.text,
        cause=reason.cause,
        by=reason.by,
        context=reason.context,
    )


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f'. Did you mean "{near[0]}"?' if near else ""
