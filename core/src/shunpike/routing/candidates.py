"""Who can answer a request, and why nobody else: found once for requests of one kind, whatever their size.

Of what a candidate is judged by, only the size of the prompt is another one for each request. So all else is looked at
once for each model, kind, need and permission that is asked for, and kept: an ordinary request gets a ready tuple.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Literal, NamedTuple

from shunpike.errors import UnknownProvider
from shunpike.protocols import Target
from shunpike.routing.names import Wanted, is_offered, wanted_models
from shunpike.routing.plan import Targets
from shunpike.types import Candidate, Cause, DeniedBy, ModelInfo, Verdict
from shunpike.types.base import Record

PRACTICAL_MINIMUM = 16
"""Output tokens below which an answer is of no use: a context that leaves less counts as too small."""
SURELY_FITS = 8_192
"""Tokens that every model's context has room for, as far as anybody knows: one that is unknown is no reason then."""
MOST_KEPT = 512
"""Kinds of requests whose candidates are kept: names come from callers, and must not grow without a bound."""


class Allowed(Record):
    """What the owner and the caller allow."""

    providers: tuple[str, ...] | None = None
    allow_paid: bool = False
    no_paid: bool = False
    """Whether the caller wants nothing that costs money, even where it is allowed."""
    no_training: bool = False
    """Whether nobody may be asked who may train on prompts, or of whom it is not known."""
    min_quality: float | None = None
    """The quality, from 0 to 1, that a model has at least; None = any."""


class Demand(NamedTuple):
    """What a request asks of a model. Sizes are in tokens."""

    kind: Literal["chat", "embedding"]
    needs: frozenset[str]
    prompt: int
    """Of the prompt, or of the longest text to embed: each has the context for itself."""
    output: int = 0
    """The least of an answer that is of use; vectors take nothing of the context."""

    @classmethod
    def of_chat(cls, needs: frozenset[str], prompt_tokens: int, max_output: int) -> Demand:
        """Return what a prompt demands whose answer may take ``max_output`` tokens."""
        return cls("chat", needs, prompt_tokens, min(PRACTICAL_MINIMUM, max_output))

    @classmethod
    def of_texts(cls, longest: int) -> Demand:
        """Return what texts demand of which the longest takes so many tokens."""
        return cls("embedding", frozenset(), longest)

    @property
    def size(self) -> int:
        """What must fit into a model's context."""
        return self.prompt + self.output

    @property
    def sized(self) -> str:
        """What is so large, in words."""
        return f"the {'prompt' if self.kind == 'chat' else 'longest text'} takes about {self.prompt:,}"


class Found(NamedTuple):
    """Candidates, and those that can't answer, each with its reason."""

    eligible: tuple[Target, ...]
    dropped: tuple[Candidate, ...]


class _Ready:
    """What is found before the size of the prompt is looked at.

    Who has room changes at few sizes, the contexts: between two of them the same ready tuple is handed out.
    """

    def __init__(self, found: Found, *, named: bool) -> None:
        self.found = found
        contexts = {SURELY_FITS if one.model.context is None else one.model.context for one in found.eligible}
        if len(contexts) > 1 or SURELY_FITS in contexts:
            contexts.add(SURELY_FITS)
        self._named = named
        self._steps = sorted(contexts)
        self._room = self._steps[0] if contexts else inf
        self._with_room: dict[int, tuple[Target, ...]] = {}

    def fitting(self, demand: Demand) -> Found:
        """Return those whose context has room. One that is not known has, where a model is named.

        Else nobody knows whether a large prompt would be answered there: it is asked where nobody else can be.
        """
        if demand.size <= self._room:
            return self.found
        step = bisect_left(self._steps, demand.size)
        eligible = self._with_room.get(step)
        if eligible is None:
            eligible = self._with_room[step] = self._who_has_room(demand.size)
        kept = {id(one) for one in eligible}
        left_out = (_dropped(one, _too_small(one, demand)) for one in self.found.eligible if id(one) not in kept)
        return Found(eligible, (*self.found.dropped, *left_out))

    def _who_has_room(self, size: int) -> tuple[Target, ...]:
        every = self.found.eligible
        fits = tuple(one for one in every if one.model.context is not None and size <= one.model.context)
        if fits and not self._named and size > SURELY_FITS:
            return fits
        return tuple(one for one in every if one.model.context is None or size <= one.model.context)


class CandidateIndex:
    """What is known to be there, and what was found among it. ``priced`` tells whether a call has a known price."""

    def __init__(self, known: Targets, priced: Callable[[Target], bool] = lambda _target: True) -> None:
        self.known = known
        self._priced = priced
        self._ready: dict[object, _Ready] = {}
        self._has: dict[str, bool] = {}

    def find(self, name: str, demand: Demand, allowed: Allowed, now: float = 0.0) -> Found:
        """Return who can answer as ``name``. Raises `UnknownProvider` and `UnknownModel`, with near names.

        ``now`` is epoch seconds: whether a price is known is looked at once a minute.
        """
        minute = now // 60 if allowed.allow_paid else 0
        permitted = (allowed.providers, allowed.allow_paid, allowed.no_paid, allowed.no_training, allowed.min_quality)
        key = (name, demand.kind, demand.needs, *permitted, minute)
        ready = self._ready.get(key)
        if ready is None:
            if len(self._ready) >= MOST_KEPT:
                self._ready.clear()
            ready = self._ready[key] = self._look(name, demand, allowed)
        return ready.fitting(demand)

    def has(self, name: str) -> bool:
        """Whether anything that is set up is called ``name``."""
        known = self._has.get(name)
        if known is None:
            if len(self._has) >= MOST_KEPT:
                self._has.clear()
            targets = self.known
            known = self._has[name] = is_offered(name, targets.targets, targets.catalog, targets.names)
        return known

    def _look(self, name: str, demand: Demand, allowed: Allowed) -> _Ready:
        known = self.known
        _check_providers(allowed.providers, known.names)
        wanted = wanted_models(name, known.targets, known.catalog, known.names)
        eligible: list[Target] = []
        dropped = [gone for gone in known.unavailable if _could_be_meant(gone, wanted, allowed)]
        named = [target for target in known.targets if wanted.matches(target)]
        for target in named:
            if target.provider.simulated and known.real and not _is_named(target, wanted, allowed):
                continue
            reason = self._why_not(target, demand, allowed, explicit=wanted.explicit)
            if reason is None:
                eligible.append(target)
            elif reason.text:
                dropped.append(_dropped(target, reason))
        if not eligible and not dropped:
            dropped = [gone for gone in known.unavailable if _is_allowed(gone.provider, allowed)]
        if not (eligible or dropped) and (wanted.explicit or wanted.provider is not None):
            dropped = [_dropped(target, _NOT_ASKED) for target in named]
        return _Ready(Found(tuple(eligible), tuple(dropped)), named=wanted.explicit)

    def _why_not(self, target: Target, demand: Demand, allowed: Allowed, *, explicit: bool) -> _Reason | None:
        """Return why ``target`` can't answer, whatever the size of the prompt; None when it can."""
        if not _is_allowed(target.name, allowed):
            return _UNMENTIONED
        if target.model.kind != demand.kind:
            kind = "not a chat model" if demand.kind == "chat" else "not an embedding model"
            return _Reason(kind, Cause.UNABLE) if explicit else _UNMENTIONED
        policy = self._against_policy(target, allowed)
        return policy or _unable(target.model, demand.needs) or _not_good(target.model.quality, allowed.min_quality)

    def _against_policy(self, target: Target, allowed: Allowed) -> _Reason | None:
        if target.tier not in target.model.limits:
            return _Reason(f"not offered on the tier {target.tier}", Cause.POLICY)
        if target.paid and allowed.no_paid:
            return _Reason("costs money, and no_paid is on", Cause.NO_PAID)
        if target.paid and not allowed.allow_paid:
            return _Reason("costs money, and allow_paid is off", Cause.POLICY, DeniedBy.POLICY)
        if target.paid and not self._priced(target):
            return _Reason("its price is not known, and no money is risked on it", Cause.PRICE, DeniedBy.POLICY)
        if allowed.no_training and target.trains_on_prompts is not False:
            trains = "trains on prompts" if target.trains_on_prompts else "it is not known whether it trains on prompts"
            return _Reason(f"{trains}, and no_training is on", Cause.DATA_POLICY, DeniedBy.POLICY)
        return None


class _Reason(NamedTuple):
    """Why a target is left out; an empty text need not even be mentioned."""

    text: str
    cause: Cause
    by: DeniedBy | None = None
    context: int | None = None


_UNMENTIONED = _Reason("", Cause.UNABLE)
_NOT_ASKED = _Reason("not among the providers that may be asked", Cause.POLICY)


def _not_good(quality: float | None, least: float | None) -> _Reason | None:
    """What nobody knows the quality of does not have it: a bound that holds only where it is known is none."""
    if least is None or (quality is not None and quality >= least):
        return None
    known = "of unknown quality" if quality is None else f"of quality {quality:g}"
    return _Reason(f"{known}, and at least {least:g} is asked for", Cause.QUALITY)


def _unable(model: ModelInfo, needs: frozenset[str]) -> _Reason | None:
    lacking = sorted(needs - _capabilities(model))
    return _Reason(f"lacks {', '.join(lacking)}", Cause.UNABLE) if lacking else None


def _too_small(target: Target, demand: Demand) -> _Reason:
    context = target.model.context
    if context is None:
        return _Reason(f"its context is not known, {demand.sized}", Cause.UNKNOWN_CONTEXT)
    return _Reason(f"context too small: {context:,} tokens, {demand.sized}", Cause.CONTEXT, context=context)


def _could_be_meant(gone: Candidate, wanted: Wanted, allowed: Allowed) -> bool:
    """Whether ``gone`` is of a provider that was asked for: that others are not set up is no news then."""
    if not _is_allowed(gone.provider, allowed):
        return False
    if wanted.provider is not None:
        return gone.provider == wanted.provider
    return not wanted.explicit or gone.provider in {provider for provider, _ in wanted.ids}


def _is_allowed(provider: str, allowed: Allowed) -> bool:
    return allowed.providers is None or provider in allowed.providers


def _check_providers(asked: Sequence[str] | None, names: Sequence[str]) -> None:
    for name in asked or ():
        if name not in names:
            raise UnknownProvider(
                f'there is no provider called "{name}"{_did_you_mean(name, names)}',
                hint=f"installed providers: {', '.join(sorted(names)) or 'none'}       (shunpike providers)",
            )


def _is_named(target: Target, wanted: Wanted, allowed: Allowed) -> bool:
    return wanted.explicit or wanted.provider == target.name or target.name in (allowed.providers or ())


def _capabilities(model: ModelInfo) -> frozenset[str]:
    # A model that follows a schema can also write plain JSON.
    return model.features | {"json"} if "json_schema" in model.features else model.features


def _dropped(target: Target, reason: _Reason) -> Candidate:
    return Candidate.model_construct(
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
