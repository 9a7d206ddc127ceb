"""Requests and attempts as spans: an attempt's stands below its request's, which stands below the caller's own."""

from __future__ import annotations

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_tracer, set_span_in_context

from shunpike.types import (
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    Event,
    RequestEnded,
    RequestExhausted,
    RequestFailed,
    RequestFinished,
    RequestStarted,
    Usage,
)
from shunpike.types.events import RequestEvent
from shunpike_otel import names
from shunpike_otel.facts import facts_of

MOST_OPEN = 10_000
"""Spans that are open at once, at most: an end that never came must not cost memory for ever."""


class Spans:
    """The spans that are open. Moments are those of the events, which a virtual clock may give."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer or get_tracer("shunpike")
        self._open: dict[str, Span] = {}
        """Id of a request or an attempt → its span."""

    def take(self, event: Event) -> None:
        """Begin or end the span of ``event``, or note it in the span of its request."""
        match event:
            case RequestStarted():
                self._begin_request(event)
            case AttemptStarted():
                self._begin_attempt(event)
            case AttemptEnded():
                self._end_attempt(event)
            case RequestEnded():
                self._end_request(event)
            case RequestEvent():
                span = self._open.get(event.request_id)
                if span is not None:
                    span.add_event(event.name, facts_of(event), _nanoseconds(event.at))
            case _:
                pass  # Of no request: the metrics count it.

    def _begin_request(self, event: RequestStarted) -> None:
        operation = names.OPERATIONS[event.kind]
        span = self._tracer.start_span(
            f"{operation} {event.model}",
            kind=SpanKind.INTERNAL,
            start_time=_nanoseconds(event.at),
            attributes={
                names.OPERATION: operation,
                names.REQUEST_MODEL: event.model,
                names.REQUEST_ID: event.request_id,
                names.PRIORITY: event.priority,
                names.CANDIDATES: event.candidates,
            },
        )
        if event.tag is not None:
            span.set_attribute(names.TAG, event.tag)
        self._keep(event.request_id, span)

    def _begin_attempt(self, event: AttemptStarted) -> None:
        request = self._open.get(event.request_id)
        span = self._tracer.start_span(
            f"attempt {event.provider}/{event.model}",
            None if request is None else set_span_in_context(request),
            kind=SpanKind.CLIENT,
            start_time=_nanoseconds(event.at),
            attributes={
                names.PROVIDER: names.PROVIDERS.get(event.provider, event.provider),
                names.REQUEST_MODEL: event.model,
                names.ATTEMPT_ID: event.attempt_id,
            },
        )
        self._keep(event.attempt_id, span)

    def _end_attempt(self, event: AttemptEnded) -> None:
        span = self._open.pop(event.attempt_id, None)
        if span is None:
            return
        span.set_attributes({**usage_of(event.usage), names.COST: float(event.cost.dollars), names.STATE: event.state})
        if event.first_token_seconds is not None:
            span.set_attribute(names.TIME_TO_FIRST_CHUNK, event.first_token_seconds)
        if isinstance(event, AttemptFailed):
            _fail(span, event.error)
            if event.status is not None:
                span.set_attribute(names.STATUS, event.status)
        span.end(_nanoseconds(event.at))

    def _end_request(self, event: RequestEnded) -> None:
        span = self._open.pop(event.request_id, None)
        if span is None:
            return
        span.set_attributes(
            {**usage_of(event.usage), names.COST: float(event.cost.dollars), names.ATTEMPTS: event.attempts}
        )
        match event:
            case RequestFinished():
                span.set_attribute(names.PROVIDER, names.PROVIDERS.get(event.provider, event.provider))
            case RequestFailed():
                _fail(span, event.error)
            case RequestExhausted():
                _fail(span, "exhausted")
            case _:
                pass
        span.end(_nanoseconds(event.at))

    def _keep(self, name: str, span: Span) -> None:
        if len(self._open) >= MOST_OPEN:
            self._open.pop(next(iter(self._open))).end()
        self._open[name] = span


def usage_of(usage: Usage) -> dict[str, int]:
    """Return the tokens as attributes, where any were told: absent is not zero."""
    if usage.basis.value == "absent":
        return {}
    return {
        names.INPUT_TOKENS: usage.prompt_tokens,
        names.OUTPUT_TOKENS: usage.completion_tokens,
        names.CACHED_TOKENS: usage.cached_tokens,
        names.REASONING_TOKENS: usage.reasoning_tokens,
    }


def _fail(span: Span, kind: str) -> None:
    span.set_status(Status(StatusCode.ERROR, kind))
    span.set_attribute(names.ERROR, kind)


def _nanoseconds(at: float) -> int:
    return int(at * 1e9)
