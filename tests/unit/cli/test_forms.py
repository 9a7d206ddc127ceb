from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr
from typing_extensions import override

from shunpike.cli.forms import did_you_mean, footer, left, left_at, seconds, tokens
from shunpike.cli.output import as_json, plain, safe, styled, table
from shunpike.clock import duration, when
from shunpike.errors import UsageError
from shunpike.types import (
    ABSENT,
    ZERO,
    Basis,
    Calendar,
    Choice,
    Completion,
    Decision,
    Held,
    Limit,
    Message,
    Money,
    Remaining,
    Rolling,
    Scope,
    State,
    Unit,
    Usage,
)
from shunpike.types.base import label

DAY, MINUTE = Calendar(period="day"), Rolling(seconds=60)


def rest(left_over: int, amount: int, *, unit: Unit = Unit.REQUEST, bucket: str = "b", **fields: object) -> Remaining:
    window = fields.pop("window", DAY)
    limit = Limit.model_validate({"unit": unit, "amount": amount, "window": window, **fields})
    return Remaining(limit=limit, bucket=bucket, used=amount - left_over, left=left_over)


@pytest.mark.parametrize(
    ("text", "span"), [("90", 90), ("90s", 90), ("1.5m", 90), ("5min", 300), ("6h", 21600), ("2d", 172800)]
)
def test_spans_of_time_are_read(text: str, span: float) -> None:
    assert seconds(text, "--span") == span


@pytest.mark.parametrize("text", ["", "0", "0s", "soon", "-5", "5 weeks", "nan", "1000000d"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f'--span must be a span of time above 0 and at most 36500d, got "{text}"'):
        seconds(text, "--span")


@pytest.mark.parametrize(
    ("span", "text"),
    [(-3, "0.0 s"), (0.31, "0.3 s"), (58, "58 s"), (600, "10 min"), (11_520, "3 h 12 min"), (187_200, "2 d 4 h")],
)
def test_spans_of_time_are_told(span: float, text: str) -> None:
    assert duration(span) == text


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_a_moment_is_told_by_the_local_clock_and_as_distance() -> None:
    now = datetime(2026, 11, 22, 20, 0, tzinfo=UTC).timestamp()
    assert when(now + 40, now) == "21:00:40, in 40 s"
    assert when(now + 1_000, now) == "21:16, in 17 min"
    assert when(now + 11 * 3600, now) == "tomorrow 08:00, in 11 h 0 min"
    assert when(now + 200_000, now) == "2026-11-25 04:33, in 2 d 7 h"


def test_tokens_that_nobody_counted_are_not_zero() -> None:
    assert tokens(ABSENT) == "tokens unknown"
    assert tokens(Usage(prompt_tokens=1000, completion_tokens=24)) == "1,024 tokens"
    assert tokens(Usage(prompt_tokens=2, basis=Basis.ESTIMATED)) == "~2 tokens"


def test_the_days_requests_are_shown_before_other_limits() -> None:
    daily, minute = rest(999, 1000), rest(1, 30, window=MINUTE)
    assert left([minute, daily]) == "999 of 1,000 left today"
    assert left([minute]) == "1 of 30 requests / 60 s left"
    assert left([rest(2_000_000_000_000, 5_000_000_000_000, unit=Unit.USD)]) == "$2.00 of $5.00 / day (UTC) left"
    assert left([rest(3, 3, unit=Unit.CONCURRENT, window=Held())]) is None
    assert left([]) is None


def test_what_is_left_at_a_provider_is_its_account_or_its_models_together() -> None:
    models = [rest(9, 10, bucket="m1"), rest(20, 20, bucket="m2"), rest(20, 20, bucket="m2")]
    assert left_at(models) == "29 of 30 left today"
    assert left_at([*models, rest(4, 5, bucket="a", scope=Scope.ACCOUNT)]) == "4 of 5 left today"
    assert left_at([rest(9, 10)]) == "9 of 10 left today"


def completion(**fields: object) -> Completion:
    choice = Choice(message=Message(role="assistant", content="x"), finish_reason="stop")
    made = {
        "request_id": "req_1",
        "provider": "acme",
        "model": "m",
        "requested_model": "auto",
        "choices": (choice,),
        "usage": Usage(prompt_tokens=40, completion_tokens=1),
        "decision": Decision(requested_model="auto", strategy="priority", remaining=(rest(999, 1000),)),
        "created": 0,
        "seconds": 0.31,
    }
    return Completion.model_validate({**made, **fields})


def test_the_footer_tells_who_answered_what_it_cost_and_what_is_left() -> None:
    assert footer(completion()) == "acme/m · 41 tokens · $0.00 · 0.3 s · 999 of 1,000 left today"
    worth = completion(list_price=Money.usd("0.0005"))
    assert "$0.00 (list price $0.0005)" in footer(worth)
    assert "at most $0.01" in footer(completion(cost=Money.usd("0.01"), cost_exact=False))
    assert footer(completion(simulated=True)) == "[sandbox] acme/m · 41 tokens · $0.00 · 0.3 s"


def test_a_model_that_bears_its_providers_name_is_not_said_twice() -> None:
    assert label("acme", "acme/big") == "acme/big"
    assert label("acme", "other/big") == "acme/other/big"
    assert label("acme", "acme/auto") == "acme/acme/auto", "acme/auto would mean any of its models"


def test_a_near_miss_is_suggested() -> None:
    assert did_you_mean("acne", ["acme", "other"]) == '. Did you mean "acme"?'
    assert did_you_mean("zzz", ["acme"]) == ""


def test_json_has_money_as_exact_text_and_no_secret() -> None:
    told = plain(
        {
            "money": Money.usd("0.10"),
            "zero": ZERO,
            "secret": SecretStr("hidden"),
            "state": State.SETTLED,
            "set": frozenset({"b", "a"}),
            "day": date(2026, 11, 22),
            "decimal": Decimal("1.5"),
            "record": Message.model_validate({"role": "user", "content": "x", "vendor": {"kept": (1, None)}}),
        }
    )
    assert json.loads(json.dumps(told)) == told
    assert (told["money"], told["zero"], told["secret"], told["state"]) == ("0.1", "0", "••••", "settled")
    assert (told["set"], told["day"], told["decimal"]) == (["a", "b"], "2026-11-22", "1.5")
    assert told["record"]["vendor"] == {"kept": [1, None]}


def test_json_is_written_on_one_line_to_a_pipe() -> None:
    stream = io.StringIO()
    as_json({"a": "ä"}, stream)
    assert stream.getvalue() == '{"a": "ä"}\n'


def test_columns_are_aligned_and_numbers_flush_right() -> None:
    assert table(("name", "n"), [("a", "1"), ("longer", "100")], right=(1,)) == "name      n\na         1\nlonger  100"


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert safe("a\x1b[2Jb\x07\x9bc\td\n") == "a[2Jbc\td\n"


class Screen(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def test_colour_needs_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert styled(Screen())
    assert not styled(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not styled(Screen())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not styled(Screen())


def test_a_heading_is_bold_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Screen())
    assert table(("a",), []) == "\x1b[1ma\x1b[0m"


@pytest.mark.parametrize(
    ("spent", "of", "said", "room_said"),
    [
        ("0.000008", "0.0025", "$0.000008", "$0.0024"),
        ("1.234001", "5", "$1.24", "$3.76"),
        ("0.00999001", "0.02", "$0.01", "$0.01"),
        ("0", "3", "$0.00", "$3.00"),
    ],
)
def test_what_is_spent_is_rounded_up_and_what_is_left_down(spent: str, of: str, said: str, room_said: str) -> None:
    money = Money.usd(spent)
    assert str(money) == said
    room = rest((Money.usd(of) - money).pico, Money.usd(of).pico, unit=Unit.USD)
    assert left([room]) == f"{room_said} of {Money.usd(of)} / day (UTC) left"
