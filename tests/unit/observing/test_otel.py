"""OpenTelemetry: a span for each request with its attempts below it, and metrics, as an SDK gets them."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.trace import SpanKind, StatusCode

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded, RequestError
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.types import Event, Limit, Money, RequestStarted, Rolling, Settings, Unit
from shunpike_otel import names
from shunpike_otel.metrics import Metrics
from shunpike_otel.plugin import OpenTelemetry
from shunpike_otel.spans import MOST_OPEN, Spans
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

PROMPT = "a prompt that nobody else may read"


class Observed:
    """Spans and metrics of an SDK that keeps them in memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = provider.get_tracer("test")
        self.reader = InMemoryMetricReader()
        meter = MeterProvider(metric_readers=[self.reader]).get_meter("test")
        self._spans, self._metrics = Spans(self.tracer), Metrics(meter)

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        self._spans.take(event)
        self._metrics.take(event)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        return [point for metric in found for point in metric.data.data_points]


async def _asked(observed: Observed, *providers: ScriptedProvider, times: int = 1, **options: Any) -> None:
    host = Host()
    host.register(builtin, "builtin")
    host.register(observed, "observed")
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    made = Settings.model_validate({"store": "memory:"})
    async with Client(made, host=host, clock=VirtualClock(), environ={}) as client:
        for _ in range(times):
            with contextlib.suppress(Exhausted, RequestError):
                await client.complete(PROMPT, **options)


async def test_a_request_is_a_span_with_its_attempts_below_it() -> None:
    observed = Observed()
    with observed.tracer.start_as_current_span("the caller's own") as own:
        await _asked(
            observed,
            ScriptedProvider("down", Overloaded("down", provider="down", status=503)),
            ScriptedProvider("fine", answer().model_copy(update={"stated_cost": Money.usd("0.5")})),
        )
    failed, fine, request, _ = observed.spans
    assert request.parent is not None
    assert request.parent.span_id == own.get_span_context().span_id
    assert (request.name, request.kind) == ("chat auto", SpanKind.INTERNAL)
    for attempt in (failed, fine):
        assert attempt.parent is not None
        assert attempt.parent.span_id == request.context.span_id
        assert attempt.kind is SpanKind.CLIENT
    assert failed.status.status_code is StatusCode.ERROR
    assert dict(failed.attributes or {})[names.ERROR] == "overloaded"
    assert dict(failed.attributes or {})[names.STATUS] == 503
    told = dict(fine.attributes or {})
    assert told[names.PROVIDER] == "fine"
    sums = [dict(one.attributes or {}).get(names.INPUT_TOKENS, 0) for one in (failed, fine, request)]
    assert sums[0] + sums[1] == sums[2] > 0  # type: ignore[operator]
    assert dict(request.attributes or {})[names.ATTEMPTS] == 2
    assert not [one for one in observed.spans if PROMPT in one.to_json()]


async def test_who_was_denied_and_what_ended_badly_is_told() -> None:
    observed = Observed()
    minute = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))
    await _asked(observed, ScriptedProvider("full", limits=(minute,)), times=2, wait=False)
    over = observed.spans[-1]
    assert over.status.description == "exhausted"
    assert "admission.denied" in [event.name for event in over.events]
    (denied,) = observed.points(names.DENIALS)
    assert (denied.value, denied.attributes["shunpike.by"]) == (1, "limit")

    observed = Observed()
    await _asked(observed, ScriptedProvider("wrong", RequestError("no such field", provider="wrong")))
    assert dict(observed.spans[-1].attributes or {})[names.ERROR] == "invalid_request"


async def test_seconds_tokens_and_dollars_are_counted() -> None:
    observed = Observed()
    await _asked(observed, ScriptedProvider("fine", answer()), times=3)
    (duration,) = observed.points(names.DURATION)
    assert (duration.count, duration.explicit_bounds) == (3, names.SECONDS)
    sides = {point.attributes[names.TOKEN_TYPE]: point for point in observed.points(names.TOKENS)}
    assert sides.keys() == {"input", "output"}
    assert sides["input"].count == 3
    assert not observed.points(names.SPENT)

    billed = answer().model_copy(update={"stated_cost": Money.usd("0.5")})
    await _asked(observed, ScriptedProvider("billed", billed))
    (spent,) = observed.points(names.SPENT)
    assert (spent.value, spent.attributes[names.PROVIDER]) == (0.5, "billed")


def test_the_names_are_those_of_the_conventions() -> None:
    ours = {value for value in vars(names).values() if isinstance(value, str) and value.startswith("gen_ai.")}
    theirs = {
        value
        for module in (gen_ai_attributes, gen_ai_metrics)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    assert ours <= theirs
    providers = {one.value for one in gen_ai_attributes.GenAiProviderNameValues}
    assert set(names.PROVIDERS.values()) <= providers


def test_an_end_that_never_comes_does_not_cost_memory_for_ever() -> None:
    spans = Spans(Observed().tracer)
    for number in range(MOST_OPEN + 5):
        spans.take(
            RequestStarted(at=0.0, request_id=f"r{number}", model="m", kind="chat", priority="batch", candidates=1)
        )
    assert len(spans._open) == MOST_OPEN


def test_without_an_sdk_nothing_is_sent_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = OpenTelemetry()
    plugin.shunpike_event(
        RequestStarted(at=0.0, request_id="r", model="m", kind="chat", priority="batch", candidates=1)
    )


def test_it_is_found_by_its_entry_point() -> None:
    host = Host.load()
    assert "otel" in [one.name for one in host.loaded]
    assert host.is_observed()
