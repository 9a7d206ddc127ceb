"""What a strategy says of its candidates, which any package may bring: it stands in records, JSON and on terminals."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest

from shunpike.decisions.written import texts_of
from shunpike.errors import PluginError
from shunpike.masking import MASK, remember
from shunpike.protocols import Ranked, RoutableRequest, Target, View
from shunpike.routing.blaming import LONGEST_WHY, NamedStrategy
from shunpike.types import Candidate, ChatRequest, Decision, Verdict

from .loop_rig import target

REQUEST = ChatRequest(messages="hi")
VIEW = View(now=1_000.0, prompt_tokens=10, max_output=1024)


class Says:
    """Ranks its candidates as they come, with the same words and score for each."""

    name = "talker"

    def __init__(self, score: object, why: object) -> None:
        self.score, self.why = score, why

    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        del request, view
        return [Ranked(one, self.score, self.why) for one in candidates]  # type: ignore[arg-type]


def told(score: object = None, why: object = "") -> Ranked:
    (found,) = NamedStrategy(Says(score, why), "stranger").rank([target("a")], REQUEST, VIEW)
    return found


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, 10**5000, -(10**400)], ids=range(5))
def test_a_score_that_is_no_number_of_use_is_not_told(score: float) -> None:
    assert told(score).score is None


@pytest.mark.parametrize(
    "why",
    ["w" * 5_000_000, "\ud800", "\x1b[2Jgone", "two\nlines", "a\u202eb", "\x00"],
    ids=["huge", "half a character", "an escape sequence", "lines", "turned round", "NUL"],
)
def test_words_are_one_short_line_that_any_place_takes(why: str) -> None:
    found = told(0.5, why)
    assert found.score == 0.5
    assert len(found.why) <= LONGEST_WHY
    assert found.why.isprintable()
    found.why.encode()
    one = Candidate(provider="a", model="m", verdict=Verdict.UNUSED, score=found.score, why=found.why)
    (text,) = texts_of([Decision(requested_model="auto", strategy="talker", candidates=(one,))])
    assert json.loads(text)["candidates"][0]["why"] == found.why


def test_a_key_in_words_that_are_cut_is_masked_first() -> None:
    remember("shunpike-secret-0123456789")
    found = told(why="x" * (LONGEST_WHY - 10) + "shunpike-secret-0123456789\n")
    assert "shunpike-secret"[:8] not in found.why
    assert MASK[:3] in found.why


def test_plain_words_and_scores_are_told_as_they_are() -> None:
    assert told(-2.5, "the cheapest: $0.10 — naïve, 日本語")[1:3] == (-2.5, "the cheapest: $0.10 — naïve, 日本語")


@pytest.mark.parametrize(("score", "why"), [("high", ""), (None, b"x" * 10_000_000), (None, None)])
def test_what_is_of_another_type_is_told_without_being_quoted(score: object, why: object) -> None:
    with pytest.raises(PluginError, match="ranks with score") as caught:
        told(score, why)
    assert len(str(caught.value)) < 500
