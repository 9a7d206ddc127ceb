"""What one request does at a target: send, and look at what came back. The loop around it is ``attempt_loop.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from typing_extensions import override

from shunpike.errors import BadAnswer
from shunpike.masking import masked
from shunpike.routing.answer_check import check_answer, warnings_of
from shunpike.routing.blaming import checked
from shunpike.routing.context import Attempt, RequestContext, Services
from shunpike.routing.outcomes import success
from shunpike.routing.send import send
from shunpike.routing.substitution import KIND as SUBSTITUTED
from shunpike.routing.substitution import substituted
from shunpike.types import Answer, Call, ChatRequest, Outcome

T = TypeVar("T")


class Operation(ABC, Generic[T]):
    """Sends one kind of request. ``T`` is what an attempt gives."""

    what: ClassVar[str] = "its backend"
    """What is blamed for an error that no contract knows."""

    @abstractmethod
    async def send(self, attempt: Attempt) -> T:
        """Send an admitted attempt; return what it gives. Raises `ProviderError` and `PluginError`."""

    @abstractmethod
    def check(self, given: T, attempt: Attempt) -> BadAnswer | None:
        """Return what is wrong with it, None where it is what was asked for."""

    @abstractmethod
    def outcome(self, given: T, attempt: Attempt) -> Outcome:
        """Return what to tell the ledger of it: well or badly answered, it is billed."""

    def may_return(self, bad: BadAnswer, context: RequestContext) -> bool:
        """Whether what is ``bad`` is given to the caller all the same, as ``on_bad_answer`` wishes."""
        return context.on_bad_answer == "return" and bad.kind != SUBSTITUTED

    @abstractmethod
    def warnings(self, given: T, attempt: Attempt) -> Sequence[str]:
        """Return what is odd about an answer that serves, keys masked."""

    def goes_on(self, given: T) -> bool:  # noqa: ARG002 - for operations that look
        """Whether the attempt runs on, so that whoever reads it sees to its end."""
        return False


class Completing(Operation[Answer]):
    """Asks for a whole answer."""

    def __init__(self, services: Services, context: RequestContext, request: ChatRequest) -> None:
        self._services = services
        self._context = context
        self._request = request

    @override
    async def send(self, attempt: Attempt) -> Answer:
        services, plugin = self._services, self._services.plugin(attempt.target)
        call = chat_call(attempt, self._request, strict=self._context.strict)
        backend, expires_mono = services.ready(attempt.target), self._context.expires_mono
        given = await send(backend, call, attempt.grant, services.clock, expires_mono)
        return checked(given, Answer, plugin, self.what)

    @override
    def check(self, given: Answer, attempt: Attempt) -> BadAnswer | None:
        other = substituted(given.model, self._context, attempt)
        return other or check_answer(given, self._request, self._context, attempt)

    @override
    def outcome(self, given: Answer, attempt: Attempt) -> Outcome:
        return success(self._services, attempt, given)

    @override
    def warnings(self, given: Answer, attempt: Attempt) -> Sequence[str]:
        return (*map(masked, given.warnings), *warnings_of(given, attempt))


def chat_call(attempt: Attempt, request: ChatRequest, *, strict: bool) -> Call:
    """Return ``attempt`` as a backend gets it."""
    return Call.model_construct(
        request=request,
        model=attempt.target.model.id,
        max_output=attempt.max_output,
        attempt_id=attempt.id,
        timeouts=attempt.timeouts,
        strict=strict,
    )
