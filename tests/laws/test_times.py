"""A law of times: a point in time is a float of epoch seconds in Python, and ISO 8601 with its zone in JSON."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import shunpike.cli
import shunpike.client
import shunpike.types
from shunpike.cli.output import plain
from shunpike.types import (
    AttemptRecord,
    Block,
    Candidate,
    Completion,
    Decision,
    Limit,
    Remaining,
    Rolling,
    Unit,
    Verdict,
)
from shunpike.types.base import epoch, iso, moments_of

TIMELY = re.compile(r"(?:.*_)?(?:at|until|since|created|started|expires|resets|moment|time|when)")
NO_MOMENT = {
    "Grant.at": "on the monotonic clock",
    "Balance.resets": "the provider's own word, such as monthly",
    "PriceRow.effective_until": "a day",
}
AT = 1_795_300_000.5
ISO = "2026-11-21T22:26:40.500000+00:00"


def records() -> Iterator[type[BaseModel]]:
    """Every record of the public types, of the client and of what commands show."""
    for package in (shunpike.types, shunpike.client, shunpike.cli):
        for found in iter_modules(package.__path__, f"{package.__name__}."):
            for one in vars(import_module(found.name)).values():
                if inspect.isclass(one) and issubclass(one, BaseModel) and one.__module__ == found.name:
                    yield one


RECORDS = sorted(records(), key=lambda one: one.__qualname__)


def parts(annotation: Any) -> set[Any]:
    return {annotation} | {part for one in get_args(annotation) for part in parts(one)}


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: one.__name__)
def test_every_field_that_is_named_as_a_time_is_a_moment_and_every_moment_a_float(record: type[BaseModel]) -> None:
    moments = moments_of(record)
    for name, field in record.model_fields.items():
        if f"{record.__name__}.{name}" in NO_MOMENT:
            continue
        assert (TIMELY.fullmatch(name) is None) or name in moments, f"{record.__name__}.{name} should be a Moment"
        assert datetime not in parts(field.annotation), f"{record.__name__}.{name} is a datetime, not epoch seconds"
        if name in moments:
            assert not {int, str} & parts(field.annotation), f"{record.__name__}.{name} is not a float"


def test_a_moment_is_iso_in_json_wherever_it_stands() -> None:
    limit = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60), observed_at=AT)
    left = Remaining(limit=limit, bucket="b", used=0, left=1, resets_at=AT)
    decision = Decision(
        requested_model="auto",
        strategy="priority",
        candidates=(Candidate(provider="p", model="m", verdict=Verdict.DENIED, retry_at=AT),),
        attempts=(AttemptRecord(id="a", provider="p", model="m", started_at=AT, seconds=1.5),),
        remaining=(left,),
    )
    told = json.loads(json.dumps(plain(decision)))
    assert told["candidates"][0]["retry_at"] == ISO
    assert (told["attempts"][0]["started_at"], told["attempts"][0]["seconds"]) == (ISO, 1.5)
    assert (told["remaining"][0]["resets_at"], told["remaining"][0]["limit"]["observed_at"]) == (ISO, ISO)
    assert plain(Block(bucket="b", until=AT, reason="r"))["test_at"] is None
    assert plain(Block(bucket="b", until=float("inf"), reason="r"))["until"] is None
    assert isinstance(decision.candidates[0].retry_at, float)


def test_a_moment_comes_back_from_its_text() -> None:
    assert iso(AT) == ISO
    assert epoch(ISO) == AT
    assert epoch("2026-11-21") == datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    assert epoch("") is None
    assert Completion.model_fields["created"].annotation is float
