"""What plugins hand to the core: small protocols, one ability each. ``isinstance`` asks whether an object has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, runtime_checkable

from shunpike.types import (
    Answer,
    Balance,
    Block,
    Call,
    ChatRequest,
    Chunk,
    Denial,
    EmbedAnswer,
    EmbedCall,
    Grant,
    Hold,
    LiveModel,
    ModelInfo,
    Money,
    Outcome,
    Price,
    ProviderInfo,
    Remaining,
    Reservation,
    Settlement,
    UsageRow,
)
from shunpike.types.base import Record


@runtime_checkable
class Backend(Protocol):
    """Completes requests at one provider with one key. Made once, shared by all calls, closed once or twice."""

    async def complete(self, call: Call) -> Answer:
        """Return the whole answer. Raises `ProviderError`; cancellation closes the connection."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; calling it again does nothing."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A backend that answers chunk by chunk. Without it the core turns `Backend.complete` into one chunk."""

    def stream(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[Chunk]]:
        """Return a context in which the chunks arrive; leaving it closes the connection.

        Entering sends the request and raises what a refusal raises. Iterating raises `Interrupted` when the end is
        missing. The last chunks carry finish reason and usage. No cancel scope or task group may stay open in between.
        """
        ...


@runtime_checkable
class CancelSafe(Protocol):
    """A backend that knows whether closing the connection stops generating, and billing. Without it: no."""

    @property
    def cancel_safe(self) -> bool:
        """True when nothing is billed after the connection was closed."""
        ...


@runtime_checkable
class ListsModels(Protocol):
    """A backend that can ask its provider which models exist, at no cost."""

    async def list_models(self) -> Sequence[str]:
        """Return the ids of the models. Raises `ProviderError`."""
        ...


@runtime_checkable
class DescribesModels(Protocol):
    """A backend whose provider's list tells more of a model than its id, at no cost."""

    async def describe_models(self) -> Sequence[LiveModel]:
        """Return the models with what the list tells of each. Raises `ProviderError`."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """A backend that turns texts into vectors."""

    async def embed(self, call: EmbedCall) -> EmbedAnswer:
        """Return one vector for each text, in their order. Raises `ProviderError`."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A backend whose provider counts the tokens of a prompt, at no cost."""

    async def count_tokens(self, call: Call) -> int:
        """Return the tokens of the prompt as they would be billed. Raises `ProviderError`."""
        ...


@runtime_checkable
class TellsBalance(Protocol):
    """A backend that can ask what its account still has, at no cost."""

    async def balance(self) -> Sequence[Balance]:
        """Return a row for each currency or quota that the provider tells of. Raises `ProviderError`."""
        ...


@runtime_checkable
class HealthProbe(Protocol):
    """Tells whether a provider can be reached with this key, without using any quota."""

    async def check(self) -> str:
        """Return a few words such as ``14 models``. Raises `ProviderError`."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; calling it again does nothing."""
        ...


@runtime_checkable
class Tokenizer(Protocol):
    """Counts the tokens of a text for one family of models."""

    @property
    def label(self) -> str:
        """What is counting, such as ``o200k_base`` or ``estimate``."""
        ...

    def count(self, text: str) -> int:
        """Return the number of tokens."""
        ...


class Target(Record):
    """A model at a provider with the account that would be used: where an attempt goes."""

    provider: ProviderInfo
    name: str
    """The configured name of the provider's section, usually its id."""
    model: ModelInfo
    account: str
    tier: str
    order: int
    model_order: int = 0
    price: Price | None = None  # the one in force now; None = unknown
    paid: bool = False
    """True when an attempt can cost the owner money."""
    key_origin: str = ""  # a variable's name, ``keys.toml`` or ``settings``; empty without a key

    @property
    def label(self) -> str:
        """``provider/model``."""
        return f"{self.name}/{self.model.id}"


class View(Record):
    """What a strategy may look at beside the candidates: facts only, no I/O. ``now`` is epoch seconds."""

    now: float
    prompt_tokens: int
    max_output: int
    options: dict[str, Any]
    closed_until: dict[str, float]
    """Target label → when its closed limit opens, where one is closed."""


@runtime_checkable
class Strategy(Protocol):
    """A pure ranker: the same arguments always give the same order."""

    @property
    def name(self) -> str:
        """The name it is configured by."""
        ...

    def rank(self, candidates: Sequence[Target], request: ChatRequest, view: View) -> Sequence[Target]:
        """Return a permutation of ``candidates``, best first."""
        ...


@runtime_checkable
class Store(Protocol):
    """Where the ledger lives. Every method is atomic and durable when it returns."""

    async def admit(self, reservation: Reservation) -> Grant | Denial:
        """Take every hold, or none and say which limit blocks. Raises `StoreError`."""
        ...

    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        """Settle a held attempt once; False when it was settled before, which changes nothing."""
        ...

    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        """Return what is left of each hold's limit; amounts are not looked at."""
        ...

    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        """Return totals by provider and model of the attempts begun in ``[since, until)``."""
        ...

    async def closed(self, now: float) -> Mapping[str, Block]:
        """Return bucket → block of the buckets that are closed at ``now``."""
        ...

    async def check(self) -> str:
        """Return a few words on size and integrity. Raises `StoreError` when it is damaged."""
        ...

    async def aclose(self) -> None:
        """Let go of files and connections; calling it again does nothing."""
        ...


class Admission(Protocol):
    """The ledger as routing sees it: nothing is sent without a grant."""

    async def admit(self, target: Target, ask: AdmissionRequest) -> Grant | Denial:
        """Reserve the worst case of one attempt over every limit and budget that applies, when it is its turn."""

    async def settle(self, target: Target, ask: AdmissionRequest, outcome: Outcome, within: float = 10.0) -> Settlement:
        """Settle the attempt once, to the truth. What takes longer than ``within`` seconds is ``unbooked`` as yet."""


class AdmissionRequest(Record):
    """One attempt before it is admitted: the bounds that the worst case is made of."""

    attempt_id: str
    request_id: str
    prompt_tokens: int
    """Counted or estimated, never under for ordinary text: what token limits are held with."""
    prompt_bound: int | None = None
    """A bound from above that no tokenizer exceeds: what money is held with. None = ``prompt_tokens``."""
    max_output: int
    min_output: int | None = None
    likely_output: int | None = None
    """Where given: the cap is chosen from ``min_output`` to ``max_output``; token limits hold ``likely_output``."""
    choices: int = 1
    price: Price | None = None
    tag: str | None = None
    claim: Literal["interactive", "batch"] = "interactive"
    arrival: int | None = None
    """Persons come before batches, and who came earlier first, where a bucket is waited for; None = it never stands."""
    waits_until: float | None = None
    """Until when its request waits for what is full, in epoch seconds; None = it does not."""


class BookRow(Record):
    """What a simulated provider itself recorded."""

    provider: str
    received: int
    answered: int
    refused: int
    prompt_tokens: int
    completion_tokens: int
    billed: Money
    credit: Money
    overages: int
    """Requests that were refused because a limit was overstepped."""


class Endpoint(Record):
    """Where a simulated provider listens, with a key it accepts."""

    base_url: str
    key: str


@runtime_checkable
class World(Protocol):
    """Simulated providers over HTTP, with books of their own."""

    async def start(self) -> Mapping[str, Endpoint]:
        """Listen on a loopback port; return provider id → endpoint."""
        ...

    def set_faults(self, rate: float, seed: int) -> None:
        """Let this share of requests fail before their first content, in the provider's own manner."""
        ...

    def books(self) -> Sequence[BookRow]:
        """Return what each provider recorded since the start."""
        ...

    def serve(self, host: str, port: int, ready: Callable[[str], None]) -> None:
        """Serve in the foreground until interrupted; ``ready`` gets the base URL."""
        ...

    async def aclose(self) -> None:
        """Stop listening."""
        ...
