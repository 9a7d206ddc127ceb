"""What is counted: seconds, tokens and money of attempts, and what stood in the way of others."""

from __future__ import annotations

from opentelemetry.metrics import Meter, get_meter

from shunpike.types import AdmissionDenied, AttemptEnded, AttemptFailed, BucketBlocked, Event
from shunpike_otel import names


class Metrics:
    """The instruments. What they tell apart is bounded: providers, models, kinds of failure."""

    def __init__(self, meter: Meter | None = None) -> None:
        meter = meter or get_meter("shunpike")
        self._duration = meter.create_histogram(
            names.DURATION, "s", "What attempts took.", explicit_bucket_boundaries_advisory=names.SECONDS
        )
        self._first = meter.create_histogram(
            names.FIRST_CHUNK, "s", "Until the first content came.", explicit_bucket_boundaries_advisory=names.SECONDS
        )
        self._tokens = meter.create_histogram(
            names.TOKENS, "{token}", "Tokens of attempts.", explicit_bucket_boundaries_advisory=names.COUNTS
        )
        self._spent = meter.create_counter(names.SPENT, "USD", "What attempts cost, as the ledger booked it.")
        self._denials = meter.create_counter(names.DENIALS, "{denial}", "What was not sent, by what stood in the way.")
        self._blocks = meter.create_counter(names.BLOCKS, "{block}", "What the end of an attempt blocked.")

    def take(self, event: Event) -> None:
        """Count ``event``."""
        match event:
            case AttemptEnded():
                self._ended(event)
            case AdmissionDenied():
                why = {"shunpike.by": event.by.value, "shunpike.cause": event.cause.value}
                self._denials.add(1, {**_of(event.provider, event.model), **why})
            case BucketBlocked():
                self._blocks.add(1, _of(event.provider, event.model))
            case _:
                pass

    def _ended(self, event: AttemptEnded) -> None:
        of = _of(event.provider, event.model)
        failed = {names.ERROR: event.error} if isinstance(event, AttemptFailed) else {}
        self._duration.record(event.seconds, {**of, **failed})
        if event.first_token_seconds is not None:
            self._first.record(event.first_token_seconds, of)
        if event.usage.basis.value != "absent":
            self._tokens.record(event.usage.prompt_tokens, {**of, names.TOKEN_TYPE: "input"})
            self._tokens.record(event.usage.completion_tokens, {**of, names.TOKEN_TYPE: "output"})
        if event.cost.pico:
            self._spent.add(float(event.cost.dollars), of)


def _of(provider: str, model: str) -> dict[str, str]:
    return {names.PROVIDER: names.PROVIDERS.get(provider, provider), names.REQUEST_MODEL: model}
