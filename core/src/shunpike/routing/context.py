"""What routing needs of the runtime, a request on its way, and an attempt while it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, NamedTuple

from shunpike.assembly import Assembly
from shunpike.clock import Clock
from shunpike.errors import Interrupted, Overloaded, ShunpikeError, StoreError
from shunpike.not_sent import before_sending, begin_attempt
from shunpike.protocols import Admission, AdmissionRequest, Backend, RoutableRequest, Target
from shunpike.routing.affinity import Conversations
from shunpike.routing.health import Health
from shunpike.routing.hedge_budget import HedgeBudget
from shunpike.routing.performance import Performance
from shunpike.routing.plan import Plan
from shunpike.routing.retry_budget import RetryBudget
from shunpike.routing.trouble import TroublePlace
from shunpike.tokens import ESTIMATE
from shunpike.types import Chunk, Decision, Event, FallOver, Grant, Money, Price, Principal, Settlement, Timeouts
from shunpike.waiting import Queue, Waiter

LARGEST = 32 * 1024 * 1024
"""Characters of a streamed answer, all that it holds together: as many as a whole answer may have bytes."""


@dataclass(frozen=True)
class Services:
    """What walking a plan needs of the runtime."""

    admission: Admission
    clock: Clock
    health: Health
    price: Callable[[Target, int, str | None, float], Price | None]
    """(target, prompt tokens, service tier asked for, seconds) → the most that an attempt can cost that begins now and
    ends within so many seconds, None when unknown."""
    backend: Callable[[Target], Backend]
    served_price: Callable[[Attempt, str, int, str | None], Price | None]
    """(attempt, served model, prompt tokens, service tier that the answer names) → the price of it, None = unknown."""
    timeouts: Callable[[Target], Timeouts]
    cancel_safe: Callable[[Target], bool]
    where: Callable[[Target], TroublePlace]
    """What a target shares with others: its account, its address, its key."""
    plugin: Callable[[Target], str]
    """The name of the plugin that serves a target."""
    emit: Callable[[Event], None]
    observed: Callable[[], bool] = lambda: True
    """Whether anybody looks at events: else they are not even made."""
    why_off: Callable[[Target], Awaitable[str | None]] | None = None
    """Tells, right before sending, why a target was switched off meanwhile; None = it is on."""
    obey: Callable[[], Awaitable[int]] | None = None
    """Looks at what an operator changed, and returns its revision; whoever waits is woken. None = there is nothing."""
    keep: Callable[[Decision], None] | None = None
    """Takes the record of each request that has ended, and waits for nothing; None = nobody keeps it."""
    look_every: float = inf
    """Seconds after which those that wait look at it; infinite where whoever changes it wakes them."""
    revision: int = 0
    """The revision that requests begin with."""
    queue: Queue = field(default_factory=Queue)
    """The ledger's: who waits for what is full."""
    conversations: Conversations = field(default_factory=Conversations)
    """Where each conversation was answered last."""
    performance: Performance = field(default_factory=Performance)
    """What is known of how fast targets answer, how long their answers are, and what runs there."""
    retries: RetryBudget = field(default_factory=RetryBudget)
    """How often requests of this process may ask again what failed."""
    hedges: HedgeBudget = field(default_factory=HedgeBudget)
    """How many of them may be hedged."""

    def tell(self, event: type[Event], /, **facts: object) -> None:
        """Tell the observers that something happened now."""
        if self.observed():
            self.emit(event.model_validate({"at": self.clock.now(), **facts}))

    def problem(self, target: Target) -> ShunpikeError | None:
        """Return why nothing can be sent to ``target`` as things are set up here, None when its backend is there.

        Asked before anything is held for it. Raises `StoreError` once the client is closed.
        """
        try:
            self.backend(target)
        except StoreError:
            raise
        except ShunpikeError as error:
            return error
        return None

    def ready(self, target: Target) -> Backend:
        """Return the backend of an admitted target; what goes wrong in making it is known to be unsent."""
        begin_attempt(free=not target.paid)
        with before_sending:
            return self.backend(target)


@dataclass(frozen=True)
class RequestContext:
    """One request on its way."""

    request: RoutableRequest
    request_id: str
    plan: Plan
    prompt_tokens: int
    prompt_bound: int
    min_output: int
    """Output tokens that it gets at least where it names no cap of its own."""
    max_attempts: int
    expires_mono: float
    first_attempt: int = 1
    """The number of its first attempt: how many of its id are in the ledger, unsent, and one."""
    user: str | None = None
    """The caller's own name for whom it is: the unit of experiments. No ledger is kept by it."""
    principal: Principal | None = None
    """Who asks, where several share one ledger; None = the operator."""
    strict: bool = False
    tag: str | None = None
    task: str | None = None
    """What it is about, in the caller's word: how well models do is learned by it."""
    priority: Literal["interactive", "batch"] = "interactive"
    waiter: Waiter = field(default_factory=lambda: Queue().arrive("interactive"))
    """Where it stands among the requests of its client."""
    waits: bool = True
    """Whether it waits for what opens before it ``expires_mono``."""
    max_wait: float = inf
    """Seconds that it waits at most for what opens, all its pauses together; what opens later is not waited for."""
    attempt_share: float = 1.0
    """How much of the time that is left one attempt may take while another candidate is untried."""
    fall_over: FallOver = field(default_factory=FallOver)
    """What follows a failed attempt."""
    on_bad_answer: Literal["next", "return"] = "next"
    max_cost: Money | None = None
    """What all of its attempts may cost together; None = only budgets bound it."""
    hedge: bool = False
    """Whether another provider may be asked beside a slow one."""
    streamed: bool = False
    """Whether the answer is read as it is made."""
    counted: Callable[[Target], int] | None = None
    """Counts the prompt for one target; None = ``prompt_tokens`` serves for all."""
    reads: Callable[[str], Any] | None = None
    """Makes what was asked for of an answer's text, raises `ValueError` where it is none; None = nothing is read."""

    def tokens(self, target: Target) -> int:
        """Return the tokens of the prompt as ``target`` would count them, as far as it is known."""
        return self.prompt_tokens if self.counted is None else self.counted(target)


class TimeFor(NamedTuple):
    """How long an attempt may take, and why no longer."""

    seconds: float
    why: str
    address: str

    def over(self, what: str) -> str:
        """Return the sentence for an attempt that took longer and gave no ``what``."""
        return f"{what} in time: {self.seconds:.3g} s were {self.why} (asked: {self.address})"


@dataclass(eq=False)
class Attempt:
    """One attempt while it runs."""

    target: Target
    ask: AdmissionRequest
    grant: Grant
    request: RoutableRequest
    max_output: int
    """The output tokens per choice that may be asked for: what was granted, or 1 where vectors are asked for."""
    timeouts: Timeouts
    started_at: float
    started_mono: float
    time: TimeFor | None = None
    admit_seconds: float = 0.0
    """How long the ledger took to admit it."""
    first_token_mono: float | None = None
    connection: AsyncExitStack | None = None
    """What is to be closed before it is booked, of an answer that is streamed."""
    is_over: bool = False
    """Whether its end has begun: it is booked once."""
    settlement: Settlement | None = None
    streamed: bool = False
    """Whether the answer arrives as it is made."""
    parsed: Any = None
    """What was asked for, read of the answer."""
    remarks: list[str] = field(default_factory=list)
    """What is odd about an answer that serves all the same."""
    assembly: Assembly = field(init=False)
    delivered_tokens: int = 0
    """Estimate, from above, of the output that reached us so far: counted as it comes, not all at its end."""
    _size: int = 0

    @property
    def id(self) -> str:
        """Its name in the ledger, unlike that of any other."""
        return self.ask.attempt_id

    def __post_init__(self) -> None:
        self.assembly = Assembly(provider=self.target.name, model=self.target.model.id)

    def take(self, chunk: Chunk) -> None:
        """Take in one chunk of the answer. Raises a failure of the kind ``malformed`` once it is `LARGEST`."""
        self.assembly.add(chunk)
        shown = chunk.text
        if not chunk.is_plain:
            beside = chunk.refusal + "".join(call.arguments for call in chunk.tool_calls)
            shown = beside + (chunk.text + chunk.reasoning if chunk.received is None else "")
            self.delivered_tokens += chunk.received or 0
            self._size += len(chunk.reasoning) + len(beside)
        self.delivered_tokens += ESTIMATE.count(shown)
        self._size += len(chunk.text)
        if self._size > LARGEST:
            kind = Overloaded if self.first_token_mono is None else Interrupted
            raise kind(f"the answer is larger than {LARGEST} characters", provider=self.target.name, kind="malformed")
