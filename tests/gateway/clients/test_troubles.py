"""Official SDKs, with the retries that they come with, where providers fail: done or one clear error, no circles."""

from __future__ import annotations

import pytest

from shunpike.types import GatewaySettings, Limit
from shunpike.types.limits import Calendar, Scope, Unit

from .conftest import Play, Session, command_of, session_over
from .emulated import emulated

pytestmark = pytest.mark.slow

ONCE_A_DAY = Limit(unit=Unit.REQUEST, amount=1, window=Calendar(period="day"), scope=Scope.ACCOUNT)
HASTY = GatewaySettings(port=0, commit_after=0.5, keep_alive=0.5)
"""A gateway that loses its patience with silence in half a second, where it is ten and fifteen."""


@pytest.fixture(scope="module")
def troubles(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("troubles")
    command = command_of(folder, "anthropic_troubles.py", "anthropic")
    with emulated(folder, HASTY, {"together": (ONCE_A_DAY,)}) as gateway:
        return session_over(gateway, folder, command)


def test_every_step_comes_to_its_end(troubles: Session) -> None:
    assert not troubles.failed
    # Where a stream broke, what it cost is not known: the ledger has the most that it can be.
    assert all(line.startswith("groq: ") for line in troubles.differences)


def test_a_limit_that_opens_in_seconds_is_waited_for_inside_one_request(troubles: Session) -> None:
    assert troubles["limited_for_seconds"] == {"stop": "end_turn", "sent": 1, "waited_whole": True}


def test_a_quota_that_opens_tomorrow_is_told_once_with_its_moment(troubles: Session) -> None:
    spent = troubles["spent_until_tomorrow"]
    assert (spent["error"]["type"], spent["error"]["status"]) == ("RateLimitError", 429)
    assert "open again at 20" in spent["error"]["message"]
    assert "'retry_at': '20" in spent["error"]["message"]  # As in the other APIs' errors: ISO text.
    assert spent["sent"] == 2  # The one that was answered, and the one that was refused.


def test_an_overflow_is_told_once_in_the_words_at_which_agents_compact(troubles: Session) -> None:
    long = troubles["too_long"]
    assert (long["error"]["type"], long["sent"]) == ("BadRequestError", 1)
    assert "prompt is too long: 200009 tokens > 131072 maximum" in long["error"]["message"]


def test_silence_is_filled_with_pings_until_the_answer_comes(troubles: Session) -> None:
    events = troubles["silent"]["events"]
    begun = events.index("content_block_start")
    assert events[:begun] == ["message_start", *["ping"] * (begun - 1)]
    assert begun > 2
    # A slow machine may be silent for so long in the middle, too.
    answer = [event for event in events[begun:] if event != "ping"]
    assert answer.count("content_block_start") == answer.count("content_block_stop") > 0
    assert answer[-2:] == ["message_delta", "message_stop"]
    assert troubles["silent"]["sent"] == 1


def test_a_stream_that_breaks_is_told_as_an_error_and_asked_once(troubles: Session) -> None:
    broken = troubles["broken_in_the_middle"]
    assert broken["sent"] == 1
    assert "stream_interrupted" in broken["error"]["message"]


def test_an_outage_is_not_multiplied_and_ends_by_itself(play: Play) -> None:
    session = play("openai_outage.py", "openai")
    assert not session.failed
    assert not session.differences
    outage = session["outage"]
    assert outage["at_first"] > 0
    assert outage["sent"] == 50
    assert outage["attempts"] <= 1.1 * outage["sent"]
    assert {may_retry for _, may_retry in outage["told"]} == {"false"}
    assert outage["after"] is not None
