"""The log: one entry for each event, in the form that the setting names, and nothing that must not be told."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import structlog

from shunpike.builtin.event_log import event_log, facts_of
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import ConfigError, Overloaded
from shunpike.plugins import Host
from shunpike.types import AttemptSettled, Money, Settings, Usage
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

PROMPT = "a prompt that nobody else may read"


def _client(host: Host | None = None, **settings: Any) -> Client:
    if host is None:
        host = Host()
        host.register(builtin, "builtin")
        for place, script in enumerate((Overloaded("down", provider="down"), answer("an answer of its own"))):
            provider = ScriptedProvider(("down", "fine")[place], script)
            provider.order = place
            host.register(provider, provider.name)
    made = Settings.model_validate({"store": "memory:", **settings})
    return Client(made, host=host, clock=VirtualClock(), environ={})


async def test_each_event_is_one_line_of_json_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    async with _client(log="json") as client:
        await client.complete(PROMPT, request_id="order-1")
    told, said = capsys.readouterr()
    lines = [json.loads(line) for line in said.splitlines()]
    assert not told
    told_of = [line["event"] for line in lines if line["event"] not in ("attempt.settled", "bucket.blocked")]
    assert told_of == [
        "request.started",
        "attempt.started",
        "attempt.failed",
        "attempt.started",
        "attempt.finished",
        "request.finished",
    ]
    assert {line["request_id"] for line in lines} == {"order-1"}
    (failed,) = [line for line in lines if line["event"] == "attempt.failed"]
    assert (failed["level"], failed["error"], failed["provider"]) == ("warning", "overloaded", "down")
    assert failed["timestamp"].endswith("+00:00")
    assert PROMPT not in said
    assert "an answer of its own" not in said


async def test_the_console_form_names_event_and_provider(capsys: pytest.CaptureFixture[str]) -> None:
    async with _client(log="console") as client:
        await client.complete(PROMPT)
    said = capsys.readouterr().err
    assert "attempt.finished" in said
    assert "provider=fine" in said


async def test_the_application_s_own_configuration_decides_where_it_is_asked_to() -> None:
    with structlog.testing.capture_logs() as entries:
        async with _client(log="app") as client:
            await client.complete(PROMPT)
    assert {entry["event"] for entry in entries} >= {"request.started", "request.finished"}
    assert {entry["log_level"] for entry in entries} == {"debug", "info", "warning"}


async def test_without_the_setting_nothing_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    async with _client() as client:
        await client.complete(PROMPT)
        assert not client.host.is_observed()
    assert capsys.readouterr().err == ""


async def test_two_clients_of_one_host_log_each_event_once(capsys: pytest.CaptureFixture[str]) -> None:
    async with _client(log="json") as first, _client(first.host, log="json") as second:
        await second.complete(PROMPT)
    names = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert names.count("request.finished") == 1


def test_money_is_exact_and_tokens_have_their_names() -> None:
    event = AttemptSettled(
        at=1_800_000_000.0,
        request_id="r",
        attempt_id="r-1",
        provider="p",
        model="m",
        state="settled",
        outcome="ok",
        cost=Money(pico=1),
        list_value=None,
        usage=Usage(prompt_tokens=7, cached_tokens=3),
    )
    facts = facts_of(event)
    assert facts["cost_usd"] == "1E-12"
    assert (facts["prompt_tokens"], facts["cached_tokens"], facts["usage_basis"]) == (7, 3, "measured")
    assert "list_value_usd" not in facts
    assert facts["timestamp"] == "2027-01-15T08:00:00.000+00:00"


def test_without_structlog_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shunpike.builtin.event_log", None)
    with pytest.raises(ConfigError, match="needs structlog") as raised:
        _client(log="json")
    assert "[log]" in str(raised.value.hint)


def test_a_form_is_one_that_is_known() -> None:
    assert event_log("json")
    with pytest.raises(ValueError, match="log"):
        Settings.model_validate({"log": "loud"})
