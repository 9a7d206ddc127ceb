"""What happens in requests, counted as it is told."""

from __future__ import annotations

from collections.abc import Iterator

from shunpike.hookspecs import hookimpl
from shunpike.types import (
    AdmissionDenied,
    AttemptEnded,
    AttemptFailed,
    AttemptSettled,
    AttemptsRecovered,
    BucketBlocked,
    Event,
    PluginBroken,
    RequestEnded,
    RequestFailed,
    RequestFinished,
    RequestWaiting,
)
from shunpike.types.usage import Basis, Usage
from shunpike_gateway.ops import families as of
from shunpike_gateway.ops.http_events import HttpAnswered
from shunpike_gateway.ops.series import Series


class EventCounter:
    """Counts events into ``series``."""

    def __init__(self, series: Series) -> None:
        self._series = series

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        """Count ``event``."""
        series = self._series
        match event:
            case HttpAnswered():
                series.add(of.HTTP_REQUESTS, (event.method, event.route, str(event.status)))
                series.observe(of.HTTP_SECONDS, event.seconds, (event.route,))
            case AttemptEnded():
                self._attempt(event)
            case AttemptSettled():
                self._settled(event)
            case RequestEnded():
                outcome = (_outcome_of(event),)
                series.add(of.REQUESTS, outcome)
                series.observe(of.REQUEST_SECONDS, event.seconds, outcome)
            case AdmissionDenied():
                series.add(of.DENIALS, (event.provider, event.by.value))
            case BucketBlocked():
                series.add(of.BLOCKS, (event.provider,))
            case RequestWaiting():
                series.add(of.WAITS, (event.provider, event.model))
            case AttemptsRecovered():
                series.add(of.RECOVERED, (), event.count)
            case PluginBroken():
                series.add(of.PLUGIN_FAULTS, (event.plugin,))
            case _:
                pass

    def _attempt(self, event: AttemptEnded) -> None:
        model = event.provider, event.model
        self._series.add(of.ATTEMPTS, (*model, event.error if isinstance(event, AttemptFailed) else "ok"))
        self._series.observe(of.ATTEMPT_SECONDS, event.seconds, model)
        if event.first_token_seconds is not None:
            self._series.observe(of.FIRST_TOKEN, event.first_token_seconds, model)

    def _settled(self, event: AttemptSettled) -> None:
        model = event.provider, event.model
        if event.usage.basis is not Basis.ABSENT:
            for kind, count in _tokens(event.usage):
                if count:
                    self._series.add(of.TOKENS, (*model, kind), count)
        if event.cost.pico:
            self._series.add(of.COST, model, float(event.cost.dollars))
        if event.list_value is not None and event.list_value.pico:
            self._series.add(of.LIST_VALUE, model, float(event.list_value.dollars))


def _tokens(usage: Usage) -> Iterator[tuple[str, int | None]]:
    yield "input", usage.prompt_tokens
    yield "output", usage.completion_tokens
    yield "cached", usage.cached_tokens
    yield "reasoning", usage.reasoning_tokens


def _outcome_of(event: RequestEnded) -> str:
    if isinstance(event, RequestFinished):
        return "answered"
    if isinstance(event, RequestFailed):
        return "cancelled" if event.error == "cancelled" else "failed"
    return "exhausted"
