"""A record as it is written down: lean, read back as it was, without a word of prompt, answer or key."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.decisions.written import decision_of, texts_of
from shunpike.types import (
    AttemptRecord,
    Blocking,
    Candidate,
    Cause,
    Decision,
    DeniedBy,
    Limit,
    Money,
    RequestOutcome,
    Rolling,
    Unit,
    Usage,
    Verdict,
)

WORDS = st.text(max_size=20)
MOMENTS = st.floats(0, 4e9)
LIMITS = st.builds(
    Limit,
    unit=st.sampled_from(Unit),
    amount=st.integers(0, 2**63 - 1),
    window=st.builds(Rolling, seconds=st.floats(0.1, 1e6)),
)
CANDIDATES = st.builds(
    Candidate,
    provider=WORDS,
    model=WORDS,
    verdict=st.sampled_from([one for one in Verdict if one is not Verdict.FAILED]),
    reason=WORDS,
    retry_at=st.none() | MOMENTS,
    by=st.none() | st.sampled_from(DeniedBy),
    cause=st.none() | st.sampled_from(Cause),
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    rank=st.none() | st.integers(1, 99),
    evidence=st.none() | st.builds(Blocking, bucket=WORDS, limit=st.none() | LIMITS, used=st.none() | st.integers(0)),
)
ATTEMPTS = st.builds(
    AttemptRecord,
    id=WORDS,
    provider=WORDS,
    model=WORDS,
    started_at=MOMENTS,
    seconds=st.floats(0, 1e4),
    usage=st.builds(Usage, prompt_tokens=st.integers(0, 10**9)),
    cost=st.builds(Money, pico=st.integers(0, 10**18)),
)
DECISIONS = st.builds(
    Decision,
    requested_model=WORDS,
    strategy=WORDS,
    candidates=st.tuples(CANDIDATES) | st.tuples(CANDIDATES, CANDIDATES) | st.just(()),
    attempts=st.tuples(ATTEMPTS) | st.just(()),
    began_at=MOMENTS,
    ended=st.none() | st.sampled_from(RequestOutcome),
    notes=st.tuples(WORDS) | st.just(()),
    strict=st.booleans(),
)


def written(**fields: Any) -> Decision:
    """Return what is read of a record that was written with ``fields``."""
    (text,) = texts_of([Decision(requested_model="auto", strategy="priority", **fields)])
    return decision_of(text)


@given(st.lists(DECISIONS, max_size=3))
def test_what_is_read_is_what_was_written(decisions: list[Decision]) -> None:
    assert [decision_of(text) for text in texts_of(decisions)] == decisions


@given(DECISIONS)
def test_a_record_is_one_line_of_plain_ascii_that_any_database_can_keep(decision: Decision) -> None:
    (text,) = texts_of([decision])
    assert text.isascii()
    assert text.isprintable()


def test_a_record_of_an_earlier_version_can_be_read() -> None:
    """What it lacks is as it was then: unknown."""
    old = {
        "requested_model": "auto",
        "strategy": "priority",
        "user": None,
        "candidates": [{"provider": "north", "model": "m", "verdict": "answered", "reason": "", "retry_at": None}],
        "attempts": [{"id": "r-1", "provider": "north", "model": "m", "started_at": 1.0, "seconds": 2.0}],
        "remaining": [],
        "notes": [],
    }
    found = decision_of(json.dumps(old))
    assert (found.request_id, found.ended, found.candidates[0].rank) == ("", None, None)


@pytest.mark.parametrize("kind", ["schema_invalid", "refused", "invalid_request", "malformed", "what a plugin made up"])
def test_what_may_quote_prompt_or_answer_is_left_out(kind: str) -> None:
    """Its kind and status stay."""
    said = "your message 'the canary sings' is not allowed"
    found = written(
        candidates=(Candidate(provider="n", model="m", verdict=Verdict.FAILED, reason=f"400 {kind}: {said}"),),
        attempts=(
            AttemptRecord(
                id="r-1", provider="n", model="m", started_at=0, seconds=1, error=kind, message=said, status=400
            ),
        ),
    )
    assert "canary" not in repr(found.model_dump())
    assert found.candidates[0].reason == f"400 {kind}"
    assert (found.attempts[0].error, found.attempts[0].status, found.attempts[0].message) == (kind, 400, None)


def test_what_a_provider_says_of_itself_stays() -> None:
    said = "north: slow down (429)"
    found = written(
        candidates=(Candidate(provider="n", model="m", verdict=Verdict.FAILED, reason=f"rate_limited: {said}"),),
        attempts=(
            AttemptRecord(
                id="r-1", provider="n", model="m", started_at=0, seconds=1, error="rate_limited", message=said
            ),
        ),
    )
    assert found.candidates[0].reason == f"rate_limited: {said}"
    assert found.attempts[0].message == said


def test_a_key_is_masked_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTH_API_KEY", "north-0123456789")
    found = written(user="north-0123456789", notes=("seen north-0123456789 there",), tag="a north-0123456789")
    assert (found.user, found.notes, found.tag) == ("***", ("seen *** there",), "a ***")


def test_a_record_of_sixty_candidates_takes_less_than_ten_thousand_characters() -> None:
    """Most of them are left out for the same reason."""
    dropped = tuple(
        Candidate(
            provider="north",
            model=f"model-of-a-usual-name-{number}",
            verdict=Verdict.DROPPED,
            reason="costs money, and allow_paid is off",
            cause=Cause.POLICY,
            by=DeniedBy.POLICY,
        )
        for number in range(60)
    )
    (text,) = texts_of([Decision(requested_model="auto", strategy="priority", candidates=dropped)])
    assert len(text) < 10_000, sys.getsizeof(text)
