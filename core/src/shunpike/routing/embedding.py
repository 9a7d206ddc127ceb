"""Vectors: as answers, but only ever from one and the same model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from typing_extensions import override

from shunpike.errors import BadAnswer
from shunpike.masking import masked
from shunpike.protocols import Target
from shunpike.routing.blaming import checked
from shunpike.routing.context import Attempt, RequestContext, Services
from shunpike.routing.names import short_name
from shunpike.routing.operation import Operation
from shunpike.routing.send import send_embed
from shunpike.types import EmbedAnswer, EmbedCall, EmbedRequest, Outcome


class Vectors(Operation[EmbedAnswer]):
    """Asks for the vectors of texts."""

    def __init__(self, services: Services, context: RequestContext, request: EmbedRequest) -> None:
        self._services = services
        self._context = context
        self._request = request

    @override
    async def send(self, attempt: Attempt) -> EmbedAnswer:
        services, plugin = self._services, self._services.plugin(attempt.target)
        call = EmbedCall(
            request=self._request, model=attempt.target.model.id, attempt_id=attempt.id, timeouts=attempt.timeouts
        )
        backend = services.ready(attempt.target)
        given = await send_embed(backend, call, attempt.grant, services.clock, self._context.expires_mono)
        return named(checked(given, EmbedAnswer, plugin, self.what), attempt.target)

    @override
    def check(self, given: EmbedAnswer, attempt: Attempt) -> BadAnswer | None:
        return check_vectors(given, self._request, attempt.target)

    @override
    def may_return(self, bad: BadAnswer, context: RequestContext) -> bool:
        """Return False: vectors that are none would be compared with others, and nobody would see it."""
        return False

    @override
    def outcome(self, given: EmbedAnswer, attempt: Attempt) -> Outcome:
        return embedded(self._services, attempt, given)

    @override
    def warnings(self, given: EmbedAnswer, attempt: Attempt) -> Sequence[str]:
        return tuple(map(masked, given.warnings))


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
