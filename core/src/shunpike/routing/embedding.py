"""Walking a plan for vectors: as for answers, but only ever with one and the same model."""

from __future__ import annotations

import math

from shunpike.errors import BadAnswer
from shunpike.protocols import Target
from shunpike.routing.attempt import Attempts, Operation
from shunpike.routing.context import Attempt, RequestContext, Services
from shunpike.routing.decision_recorder import DecisionRecorder
from shunpike.routing.names import short_name
from shunpike.routing.send import send_embed
from shunpike.types import EmbedAnswer, EmbedCall, EmbedRequest, Outcome


class Embedder:
    """Walks plans whose targets are one embedding model at several providers."""

    def __init__(self, attempts: Attempts, services: Services) -> None:
        self._attempts = attempts
        self._services = services

    async def embed(
        self, context: RequestContext, request: EmbedRequest
    ) -> tuple[EmbedAnswer, Attempt, DecisionRecorder]:
        """Return the first good vectors. Raises `RequestError` at once, else `Exhausted` when the plan is used up."""
        services = self._services
        walk = self._attempts.begin(context, request.model)
        operation = Operation[EmbedAnswer](
            gives=EmbedAnswer,
            send=lambda attempt: send_embed(
                services.ready(attempt.target), _call(attempt, request), attempt.grant, services.clock, context.expires
            ),
            check=lambda answer, attempt: check_vectors(answer, request, attempt.target),
            outcome=lambda answer, attempt: embedded(services, attempt, answer),
        )
        answer, attempt = await self._attempts.walk(walk, operation)
        return named(answer, attempt.target), attempt, walk.recorder


def _call(attempt: Attempt, request: EmbedRequest) -> EmbedCall:
    return EmbedCall(
        request=request,
        model=attempt.target.model.id,
        attempt_id=attempt.ask.attempt_id,
        timeouts=attempt.call.timeouts,
    )


def embedded(services: Services, attempt: Attempt, answer: EmbedAnswer) -> Outcome:
    """Return what to tell the ledger of texts that were embedded, well or badly: they are billed either way."""
    return Outcome(
        at=services.clock.now(),
        headers_at=answer.headers_at,
        usage=answer.usage,
        served_model=answer.model,
        stated_cost=answer.stated_cost,
        price=services.served_price(attempt, answer.model, answer.usage.prompt_tokens, answer.service_tier),
        evidence=answer.evidence,
    )


def check_vectors(answer: EmbedAnswer, request: EmbedRequest, target: Target) -> BadAnswer | None:
    """Return what is wrong with ``answer``, or None: a vector for each text, all of one length, of finite numbers."""
    lengths = {len(vector) for vector in answer.vectors}
    wanted = request.dimensions
    if len(answer.vectors) != len(request.input):
        problem = f"{len(answer.vectors)} vectors for {len(request.input)} texts"
    elif len(lengths) != 1 or 0 in lengths:
        problem = f"vectors of the lengths {sorted(lengths)}"
    elif wanted is not None and wanted not in lengths:
        problem = f"vectors of {lengths.pop()} dimensions, asked for {wanted}"
    elif not all(math.isfinite(number) for vector in answer.vectors for number in vector):
        problem = "a vector with something that is no number"
    else:
        return None
    return BadAnswer(problem, provider=target.name, model=target.model.id, kind="schema_invalid")


def named(answer: EmbedAnswer, target: Target) -> EmbedAnswer:
    """Return ``answer``, with a warning where it names another model: such vectors can't be compared with others."""
    asked = {short_name(name) for name in (target.model.id, *target.model.aliases)}
    served = short_name(answer.model)
    if any(served.startswith(name) or name.startswith(served) for name in asked):
        return answer
    warning = f"{target.name} embedded with {answer.model!r}, not with {target.model.id!r}: don't mix such vectors"
    return answer.model_copy(update={"warnings": (*answer.warnings, warning)})
