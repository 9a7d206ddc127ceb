"""OpenTelemetry spans and metrics of shunpike's requests."""

from shunpike_otel.plugin import plugin

__all__ = ["plugin"]
