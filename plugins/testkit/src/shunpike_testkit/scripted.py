"""A provider that does what a test tells it to: a real plugin with a backend whose answers are scripted."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import date

import anyio

from shunpike.hookspecs import hookimpl
from shunpike.protocols import Backend
from shunpike.types import (
    Answer,
    Billing,
    Call,
    Choice,
    Chunk,
    Event,
    Limit,
    Message,
    ModelInfo,
    Price,
    ProviderInfo,
    ProviderSettings,
    Tier,
    Usage,
)

Step = Answer | Exception | Sequence[Chunk | Exception] | Callable[[Call], Answer]
"""An answer, a failure, a stream of chunks and failures, or a function of the call."""

AS_OF = date(2026, 11, 22)


def answer(text: str = "fine", *, model: str = "m", usage: Usage | None = None, finish: str = "stop") -> Answer:
    """Return a small answer of ``model``."""
    message = Message(role="assistant", content=text)
    return Answer(
        model=model,
        choices=(Choice(message=message, finish_reason=finish),),
        usage=usage or Usage(prompt_tokens=7, completion_tokens=3),
    )


class Observer:
    """A plugin that keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        """Keep ``event``."""
        self.events.append(event)


class ScriptedBackend:
    """Plays one step a call, the last one for ever; ``calls`` are the calls it got, ``open`` the streams not closed."""

    def __init__(self, steps: Sequence[Step], *, cancel_safe: bool = False) -> None:
        self._steps = deque(steps)
        self.calls: list[Call] = []
        self.open = 0
        self.closed = False
        self.cancel_safe = cancel_safe

    def _next(self, call: Call) -> Step:
        self.calls.append(call)
        step = self._steps.popleft() if len(self._steps) > 1 else self._steps[0]
        return step(call) if callable(step) else step

    async def complete(self, call: Call) -> Answer:
        """Play the next step as a whole answer."""
        await anyio.lowlevel.checkpoint()
        step = self._next(call)
        if isinstance(step, Exception):
            raise step
        if not isinstance(step, Answer):
            raise TypeError("this step is a stream; script an Answer for complete")
        return step

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Play the next step chunk by chunk."""
        step = self._next(call)
        if isinstance(step, Exception):
            raise step
        chunks = [*_split(step)] if isinstance(step, Answer) else list(step) if isinstance(step, Sequence) else []
        self.open += 1
        try:
            async with aclosing(self._play(chunks)) as played:
                yield played
        finally:
            self.open -= 1

    async def _play(self, chunks: Sequence[Chunk | Exception]) -> AsyncGenerator[Chunk, None]:
        for chunk in chunks:
            await anyio.lowlevel.checkpoint()
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed = True


def _split(whole: Answer) -> list[Chunk]:
    text = whole.choices[0].message.text
    half = len(text) // 2
    first = Chunk(text=text[:half], model=whole.model)
    last = Chunk(text=text[half:], finish_reason=whole.choices[0].finish_reason, usage=whole.usage)
    return [first, last]


class ScriptedProvider:
    """A provider plugin for tests: `Host.register` it, then look at ``backend.calls``."""

    def __init__(
        self,
        name: str,
        *steps: Step,
        models: Sequence[ModelInfo] = (),
        limits: Sequence[Limit] = (),
        billing: Billing = Billing.NONE,
        price: Price | None = None,
    ) -> None:
        self.name = name
        self.limits = tuple(limits)
        self.price = price
        self.billing = billing
        self.order = 50
        self.simulated = False
        self.env_key: str | None = None
        self.models = tuple(models) or (self.model("m"),)
        self.backend = ScriptedBackend(steps or (answer(),))

    def model(self, model_id: str) -> ModelInfo:
        """Return a catalog entry that can do everything."""
        return ModelInfo(
            provider=self.name,
            id=model_id,
            context=100_000,
            max_output=8_000,
            features=frozenset({"tools", "json", "json_schema", "vision"}),
            limits={"only": self.limits},
            as_of=AS_OF,
            source="scripted",
        )

    @hookimpl
    def shunpike_providers(self) -> list[ProviderInfo]:
        """Bring the one provider."""
        tier = Tier(name="only", billing=self.billing, credit_usd="1.00" if self.billing is Billing.CREDIT else None)
        info = ProviderInfo(
            id=self.name,
            title=self.name.title(),
            env_key=self.env_key,
            base_url="http://127.0.0.1",
            order=self.order,
            default_tier="only",
            tiers=(tier,),
            simulated=self.simulated,
            as_of=AS_OF,
            source="scripted",
        )
        return [info]

    @hookimpl
    def shunpike_models(self, provider: str) -> Sequence[ModelInfo] | None:
        """Return the models."""
        return self.models if provider == self.name else None

    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:  # noqa: ARG002 - the hook's arguments
        """Return the scripted backend."""
        return self.backend if provider == self.name else None

    @hookimpl
    def shunpike_cost(self, provider: str) -> Price | None:
        """Return the price."""
        return self.price if provider == self.name else None

    @hookimpl
    def shunpike_limits(self, provider: str, model: ModelInfo, tier: str) -> Sequence[Limit] | None:
        """Return the limits of the model."""
        return model.limits.get(tier) if provider == self.name else None
