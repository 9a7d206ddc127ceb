"""The observer: a span for each request, one below it for each attempt, and metrics.

Without an SDK that the application sets up, OpenTelemetry's API does nothing, and neither does this.
"""

from __future__ import annotations

from functools import cached_property

from shunpike.hookspecs import hookimpl
from shunpike.types import Event
from shunpike_otel.metrics import Metrics
from shunpike_otel.spans import Spans


class OpenTelemetry:
    """Sends what happens to the tracer and the meter that are set up when the first event comes."""

    @cached_property
    def _spans(self) -> Spans:
        return Spans()

    @cached_property
    def _metrics(self) -> Metrics:
        return Metrics()

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        """Take in ``event``."""
        self._spans.take(event)
        self._metrics.take(event)


plugin = OpenTelemetry()
