"""What to type or change next when nobody could answer, by what stood in the way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shunpike.errors import AuthError, ProviderError
from shunpike.protocols import Target
from shunpike.protocols.admission import MAX_COST
from shunpike.protocols.target import GIVEN, key_hint
from shunpike.types import Candidate, Cause, DeniedBy, Owner


class Told(NamedTuple):
    """A failure of this request, or one of an earlier request that still keeps a provider closed."""

    provider: str
    kind: str
    hint: str | None = None


_OF_THE_KEY = frozenset({"auth", "permission"})
_GENERAL = re.compile("|".join(re.escape(key_hint(name, "@")).replace("@", r"\S+") for name in ("@", None)))
"""What a backend says of a refused key, which does not know where it came from."""
SWITCHED_OFF = "switched off"
"""The reason of a provider whose section says so."""
NOBODY_ELSE = "it is the request that was refused, so nobody else was asked: change the prompt or its options"
STOPPED = "nobody else was asked, as `fall_over` says: shunpike config show --origin"
_ANOTHER = "or add another provider: shunpike keys set NAME"
_MOMENT = f"try again in a moment, look whether it is there: shunpike doctor --online   ·   {_ANOTHER}"
_MODELS = "see what it offers today: shunpike models --live -p {provider}"
OWN_FILE = "at the top of your own file (shunpike config path)"
"""Where a setting holds as typed; in a project's file most hold only after ``shunpike trust``."""
PAY = f'{OWN_FILE}: allow_paid = true   and: budgets = [{{amount = "1.00", period = "day"}}]'
"""How to allow money, and bound it."""
_NOT_BY_PAYING = frozenset({Cause.PRICE, Cause.DATA_POLICY})
"""What is left out by a setting of ours, and still is where money is allowed."""
_ASK_FOR_MORE = "ask whoever runs this to allow you more: it is your own bound, whichever provider is asked"
"""What helps against a bound of who asks, who can change no setting."""
_WHERE = "where it stands: shunpike config show --origin"
OF_KINDS = {
    "credits": f"add credit at {{provider}}   ·   {_ANOTHER}",
    "spend_cap": f"raise the cap at {{provider}}   ·   {_ANOTHER}",
    "not_found": _MODELS,
    "retired": _MODELS,
    "tier": f"the account at {{provider}} may not use it: ask another model: -m PROVIDER/ID   ·   {_ANOTHER}",
    "region": f"{{provider}} does not serve this place   ·   {_ANOTHER}",
    "connection": f"is this machine online, and base_url right? shunpike doctor --online   ·   {_ANOTHER}",
    "overloaded": _MOMENT,
    "upstream": _MOMENT,
    "malformed": _MOMENT,
    "stream_interrupted": _MOMENT,
    "timeout": "give it more time: --timeout 10m   ·   or ask another model: -m PROVIDER/ID",
    "unsupported": "ask another model: -m PROVIDER/ID   ·   what each can do: shunpike models",
    "context_overflow": "shorten the prompt   ·   or name a model with a larger context: shunpike models",
    "too_large": "shorten the prompt, or lower max_tokens   ·   what the limits are: shunpike limits",
}
"""Kind of a failure → what helps."""


def fit_key_hint(error: ProviderError, target: Target) -> None:
    """Say of a refused key where it is to be replaced; a backend knows only where it may come from.

    What a provider has to say itself of its refusal stays.
    """
    of_the_key = isinstance(error, AuthError) and error.kind in _OF_THE_KEY
    origin = target.key_origin
    if of_the_key and origin and (error.hint is None or _GENERAL.fullmatch(error.hint)):
        # A section may name another variable than its plugin does, and a server of one's own has another name there.
        elsewhere = origin == GIVEN or "." in origin  # the settings, or the file of the store
        error.hint = key_hint(target.provider.env_key if elsewhere else origin, target.name, origin)


def hint_for(candidates: Sequence[Candidate], told: Sequence[Told], too_dear_for: str = "") -> str:
    """Return what could help: what a failure says itself, else what fits the blocks and failures best.

    ``too_dear_for`` names a budget, or the ``max_cost``, that the request alone is larger than. What opens by itself
    comes first, how to pay last: whoever chose free tiers first is not to be sold something.
    """
    for one in told:
        if one.hint:
            return one.hint
    return next(hint for fits, hint in _hints(candidates, told, too_dear_for) if fits)


def _hints(candidates: Sequence[Candidate], told: Sequence[Told], too_dear_for: str) -> Iterator[tuple[bool, str]]:
    """Yield what could help, the likeliest first, and whether it fits."""
    causes = {one.cause for one in candidates}
    money = any(one.by is DeniedBy.POLICY and one.cause not in _NOT_BY_PAYING for one in candidates)
    pay = f"   ·   or pay: {PAY}" if money else ""
    bill = "see what it billed: shunpike doctor   ·   then open it by the command above, or name a free model"
    frozen = any(one.by is DeniedBy.BLOCK and one.retry_at is None for one in candidates)
    yield frozen, bill
    more = f"allow more, {OWN_FILE}: max_attempts = 16   ·   or name a model: -m PROVIDER/ID"
    yield Cause.ATTEMPTS in causes, more
    yield Cause.TIME in causes, "give it more time: --timeout 10m   ·   or name a model: -m PROVIDER/ID"
    smaller = "lower max_tokens or shorten the prompt"
    bounded = [one for one in candidates if one.evidence is not None and one.evidence.owner is Owner.PRINCIPAL]
    yield any(one.cause is Cause.TOO_LARGE for one in bounded), f"{smaller}   ·   or {_ASK_FOR_MORE}"
    yield bool(bounded), _ASK_FOR_MORE
    yield any(one.retry_at for one in candidates), f"add a provider: shunpike keys set NAME{pay}"
    yield too_dear_for == MAX_COST, f"raise max_cost, {smaller}"
    yield bool(too_dear_for), f"raise {too_dear_for} ({_WHERE}), {smaller}   ·   what is left: shunpike budget"
    large = "lower max_tokens or shorten the prompt   ·   what the limits are: shunpike limits"
    yield Cause.TOO_LARGE in causes, large
    yield Cause.DISABLED in causes and not told, f"switch it on by the command above   ·   {_ANOTHER}"
    known = f"lower min_quality, or say how good a model is ({_WHERE}): quality = {{'MODEL' = 0.8}} in [providers.NAME]"
    yield Cause.QUALITY in causes and not told, known
    private = next((one.provider for one in candidates if one.cause is Cause.DATA_POLICY), "")
    kept = f"leave no_training out, or where you know better ({_WHERE}): trains_on_prompts = false in [providers."
    yield bool(private) and not told, f"{kept}{private}]{pay}"
    yield Cause.NO_PAID in causes and not told, f"leave no_paid out to allow what costs money   ·   {_ANOTHER}"
    yield Cause.UNABLE in causes and not (told or money), OF_KINDS["unsupported"]
    off = next((one.provider for one in candidates if one.cause is Cause.OFF), "")
    yield bool(off) and not told, f"switch it on ({_WHERE}): enabled = true in [providers.{off}]"
    for one in told:
        if one.kind in OF_KINDS:
            yield True, OF_KINDS[one.kind].format(provider=one.provider)
    unpriced = next((one.provider for one in candidates if one.cause is Cause.PRICE), "")
    yield bool(unpriced) and not money, f"ask a model that has a price: shunpike models   ·   {_ANOTHER}"
    yield money, f"add a free provider: shunpike keys set NAME   ·   or name a free model: shunpike models --free{pay}"
    never = f"no time opens it again: raise it ({_WHERE})"
    yield any(one.cause in (Cause.QUOTA, Cause.POLICY) for one in candidates), never
    yield True, "see what is set up: shunpike doctor"
