"""Laws of failures: what the provider refuses becomes the error that tells the router what to do next."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from shunpike.errors import (
    AuthError,
    BadAnswer,
    CreditsExhausted,
    Interrupted,
    NotHere,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestError,
)
from shunpike.types import Timeouts
from shunpike_testkit import upstream as scripted
from shunpike_testkit.contract import ONE_LOOP
from shunpike_testkit.provider_contract.basis import ProviderBasis
from shunpike_testkit.provider_contract.bench import answer

LIMITED = (RateLimited, QuotaExhausted, CreditsExhausted)
STATUSES: dict[int, tuple[type[ProviderError], ...]] = {
    400: (RequestError,),
    401: (AuthError,),
    402: (CreditsExhausted,),
    403: (AuthError,),
    404: (NotHere,),
    422: (RequestError,),
    429: LIMITED,
    500: (Overloaded,),
    502: (Overloaded,),
    503: (Overloaded,),
    504: (Overloaded,),
}
PAGE = "<!doctype html><html><body><h1>Bad gateway</h1></body></html>"
STRANGE: dict[str, tuple[int, str]] = {
    "nothing": (401, ""),
    "page": (404, PAGE),
    "text": (429, "slow down"),
    "details": (422, '{"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "missing"}]}'),
    "list": (500, '[{"error": "broken"}]'),
    "null": (503, "null"),
    "half": (502, '{"error": {"message": "upst'),
}
"""Bodies of refusals that are not as documented, under a status that says enough."""
NO_ANSWERS: dict[str, tuple[str, str]] = {
    "page": (PAGE, "text/html"),
    "nothing": ("", "application/json"),
    "half": ('{"choices": [{"index": 0, "mess', "application/json"),
    "text": ("ok", "text/plain"),
    "number": ("17", "application/json"),
}
"""Bodies under a status of 200 that are no answer."""


class FailureLaws(ProviderBasis):
    """The status decides, what the provider documents refines it, and prose is only shown."""

    @ONE_LOOP
    @pytest.mark.parametrize("status", STATUSES)
    async def test_a_status_means_its_error(self, way: str, status: int) -> None:
        """The class tells what to do next; the error names provider, model and status."""
        async with self.bench(self.refusal(status)) as bench:
            error = await self.failure(bench, way)
        _check(error, STATUSES[status], f"{way}, status {status}")
        known = (error.provider, error.model, error.status)
        assert known == (self.info.id, bench.model, status), (
            f"{way}, status {status}: the error must name provider, model and status, got {known}"
        )

    @ONE_LOOP
    @pytest.mark.parametrize("body", STRANGE)
    async def test_a_strange_body_does_not_hide_the_status(self, way: str, body: str) -> None:
        """Web pages, plain text, lists and nothing at all come from whatever stands before the API."""
        status, text = STRANGE[body]
        async with self.bench(scripted.reply(text, status=status)) as bench:
            error = await self.failure(bench, way)
        _check(error, STATUSES[status], f"{way}, status {status} with the body {text!r}")

    @ONE_LOOP
    @pytest.mark.parametrize("form", ["seconds", "date"])
    async def test_a_limit_tells_when_it_opens(self, way: str, form: str) -> None:
        """``Retry-After`` may be seconds or a date of HTTP."""
        date = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=90)
        value = "90" if form == "seconds" else format_datetime(date, usegmt=True)
        async with self.bench(self.refusal(429, retry_after=value)) as bench:
            before = time.time()
            error = await self.failure(bench, way)
            after = time.time()
        if isinstance(error, CreditsExhausted):
            return  # Time does not bring money back.
        _check(error, LIMITED, f"{way}, status 429")
        name = "reset_at" if isinstance(error, QuotaExhausted) else "retry_at"
        at = getattr(error, name)
        first, last = (before + 90, after + 90) if form == "seconds" else (date.timestamp(),) * 2
        assert at is not None, f"{way}: 'Retry-After: {value}' must be read into {name}, which is None"
        assert first <= at <= last, (
            f"{way}: 'Retry-After: {value}' means {name} = {first:.0f} (epoch seconds), got {at:.0f}"
        )

    @ONE_LOOP
    async def test_documented_refusals_mean_what_they_say(self, way: str) -> None:
        """Those that the contract was told in ``documented_refusals``."""
        for what, (status, body, expected) in self.documented_refusals.items():
            async with self.bench(scripted.reply(body, status=status)) as bench:
                _check(await self.failure(bench, way), (expected,), f"{way}, {what}")

    @ONE_LOOP
    @pytest.mark.parametrize("body", NO_ANSWERS)
    async def test_what_is_no_answer_is_trouble_of_the_provider(self, way: str, body: str) -> None:
        """Another provider may do better; a stream of nothing is one that broke off."""
        text, kind = NO_ANSWERS[body]
        async with self.bench(scripted.reply(text, content_type=kind)) as bench:
            error = await self.failure(bench, way)
        allowed = (Overloaded,) if way == "whole" else (Overloaded, Interrupted)
        _check(error, allowed, f"{way}, status 200 with the body {text!r}")

    @ONE_LOOP
    @pytest.mark.parametrize("body", ["{}", "[]"])
    async def test_an_answer_without_content_is_not_made_up(self, way: str, body: str) -> None:
        """An object or a list with nothing in it is no answer."""
        async with self.bench(scripted.reply(body)) as bench:
            error = await self.failure(bench, way)
        _check(error, (BadAnswer, Overloaded, Interrupted), f"{way}, status 200 with the body {body!r}")

    @pytest.mark.parametrize("where", ["at once", "in the head", "in the body"])
    async def test_a_hang_up_is_trouble_of_the_provider(self, way: str, where: str) -> None:
        """Whether the connection breaks before, in or after the head of the answer."""
        whole = self.raw(answer())
        cut = {"at once": b"", "in the head": whole[:12], "in the body": whole[:-20]}[where]
        async with self.bench(scripted.hang_up(*([cut] if cut else []))) as bench:
            error = await self.failure(bench, way)
        allowed = (Overloaded, Interrupted) if (way, where) == ("streamed", "in the body") else (Overloaded,)
        _check(error, allowed, f"{way}, connection closed {where}")

    @ONE_LOOP
    async def test_a_closed_port_is_trouble_of_the_provider(self, way: str) -> None:
        """Nobody listens there."""
        async with self.bench(self.refusal(500)) as bench:
            pass
        backend = self.make_backend(bench.upstream.base_url)
        try:
            error = await self.failure(replace(bench, backend=backend), way)
        finally:
            await backend.aclose()
        _check(error, (Overloaded,), f"{way}, connection refused")

    @ONE_LOOP
    @pytest.mark.parametrize("where", ["before the head", "in the answer"])
    async def test_what_does_not_come_is_given_up(self, way: str, where: str) -> None:
        """The time-outs of the call hold."""
        async with self.bench(self.stalled(way, where)) as bench:
            times = Timeouts(connect=5, first_token=0.1, idle=0.1, total=0.2)
            call = bench.call().model_copy(update={"timeouts": times})
            error = await self.failure(bench, way, call)
            await bench.upstream.idle()
        _check(error, (Overloaded, Interrupted), f"{way}, stalled {where}")


def _check(error: ProviderError, expected: tuple[type[ProviderError], ...], when: str) -> None:
    names = " or ".join(kind.__name__ for kind in expected)
    assert isinstance(error, expected), f"{when}: raise {names}, not {type(error).__name__} ({error})"
