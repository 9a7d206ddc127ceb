"""Routing's attempt loop over scripted backends, a ledger that only notes, and a virtual clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from shunpike.errors import StoreError
from shunpike.protocols import Admission, AdmissionRequest, Ranked, Target
from shunpike.routing.attempt_loop import AttemptLoop
from shunpike.routing.context import RequestContext, Services
from shunpike.routing.health import Health
from shunpike.routing.plan import Plan
from shunpike.routing.trouble import TroublePlace
from shunpike.types import (
    Billing,
    ChatRequest,
    Denial,
    Event,
    Grant,
    ModelInfo,
    Money,
    Outcome,
    ProviderInfo,
    Remaining,
    Settlement,
    State,
    Tier,
    Timeouts,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedBackend, Step

AS_OF = date(2026, 11, 22)
REQUEST = ChatRequest(messages="hello")


def target(name: str, model: str = "m", *, paid: bool = False, **of_model: Any) -> Target:
    """Return a target of the provider ``name``."""
    info = ProviderInfo(
        id=name,
        title=name.title(),
        base_url="https://api.example.com",
        default_tier="free",
        tiers=(Tier(name="free", billing=Billing.NONE),),
        as_of=AS_OF,
        source="made up",
    )
    fields = {"provider": name, "id": model, "limits": {"free": ()}, "as_of": AS_OF, "source": "made up", **of_model}
    found = ModelInfo.model_validate(fields)
    return Target(provider=info, name=name, model=found, account="default", tier="free", order=0, paid=paid)


class Books(Admission):
    """Grants what is not denied, refuses an id that runs, and keeps how each attempt ended."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        self.denials: dict[str, list[Denial]] = {}
        self.looks = 0

    async def admit(self, target: Target, ask: AdmissionRequest) -> Grant | Denial:
        if self.denials.get(target.name):
            return self.denials[target.name].pop(0)
        if ask.attempt_id in self.running or ask.attempt_id in self.outcomes:
            raise StoreError(f"attempt {ask.attempt_id} is in the books already")
        self.running.add(ask.attempt_id)
        return Grant(attempt_id=ask.attempt_id)

    async def settle(self, target: Target, ask: AdmissionRequest, outcome: Outcome, within: float = 10.0) -> Settlement:
        self.running.remove(ask.attempt_id)
        self.outcomes[ask.attempt_id] = outcome
        state = State.SETTLED if outcome.sent else State.RELEASED
        return Settlement(state=state, at=outcome.at, usage=outcome.usage, cost=Money(pico=7))

    async def snapshot(self, targets: Sequence[Target]) -> Mapping[str, Sequence[Remaining]]:
        self.looks += 1
        return {}


@dataclass
class Rig:
    """What a test holds in its hands."""

    backends: dict[str, ScriptedBackend]
    clock: VirtualClock = field(default_factory=VirtualClock)
    books: Books = field(default_factory=Books)
    events: list[Event] = field(default_factory=list)

    kind_of_health: type[Health] = Health

    def __post_init__(self) -> None:
        self.health = self.kind_of_health(self.clock)
        self.services = Services(
            admission=self.books,
            clock=self.clock,
            health=self.health,
            price=lambda *_: None,
            backend=lambda one: self.backends[one.name],
            served_price=lambda *_: None,
            timeouts=lambda _: Timeouts(),
            cancel_safe=lambda _: False,
            where=lambda one: TroublePlace(one.label, one.name, f"{one.name} https://{one.name}", f"{one.name} key"),
            plugin=lambda one: f"{one.name}-plugin",
            emit=self.events.append,
        )
        self.loop = AttemptLoop(self.services)

    def context(self, *targets: Target, **fields: Any) -> RequestContext:
        """Return the context of a request that has these targets."""
        plan = Plan(ranked=tuple(Ranked(one) for one in targets), dropped=(), strategy="priority")
        made = RequestContext(
            request=REQUEST,
            request_id="req",
            plan=plan,
            prompt_tokens=5,
            prompt_bound=9,
            min_output=16,
            max_attempts=8,
            expires_mono=self.clock.monotonic() + 60,
        )
        return replace(made, **fields)

    def told(self, *kinds: type[Event]) -> list[str]:
        """Return the names of the events so far, of these kinds or of all."""
        return [one.name for one in self.events if not kinds or isinstance(one, kinds)]


def rig(**steps: Step) -> Rig:
    """Return a rig whose providers play these steps."""
    return Rig({name: ScriptedBackend([step]) for name, step in steps.items()})
