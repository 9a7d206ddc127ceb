"""Several packages beside each other: wrong keys, falling over, and taking one away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Made = Callable[..., Any]
"""A fixture that makes things, see conftest.py."""

THREE = ("shunpike", "shunpike-google", "shunpike-groq", "shunpike-sandbox")
WRONG = "wrong-key-123456789"


def _groq(address: str) -> dict[str, str]:
    return {"GROQ_API_KEY": WRONG, "SHUNPIKE_PROVIDERS__GROQ__BASE_URL": f"{address}/groq/openai/v1"}


def _google(address: str) -> dict[str, str]:
    base_url = f"{address}/google/v1beta"
    return {"GEMINI_API_KEY": "sandbox-second", "SHUNPIKE_PROVIDERS__GOOGLE__BASE_URL": base_url}


def test_without_any_key_the_sandbox_answers_and_says_so(place: Made) -> None:
    done = place(*THREE).shunpike("What is a shunpike?")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[sandbox] A shunpike is a side road")
    assert "not written by an AI model" in done.stdout
    assert "[sandbox] " in done.stderr
    assert "shunpike keys set" in done.stderr


def test_a_wrong_key_is_named_by_its_variable_and_never_shown(place: Made, serving: Made) -> None:
    there = place(*THREE)
    keys = _groq(serving(there))
    for options in ((), ("--json",), ("--no-stream",)):
        done = there.shunpike("ask", "hi", *options, **keys)
        assert (done.returncode, done.stdout) == (4, "")
        assert "GROQ_API_KEY" in done.stderr
        assert WRONG not in done.stderr
        assert "Traceback" not in done.stderr


def test_the_sandbox_never_answers_in_the_place_of_a_real_provider(place: Made, serving: Made) -> None:
    there = place(*THREE)
    done = there.shunpike("What is a shunpike?", **_groq(serving(there)))
    assert done.returncode == 4
    assert "sandbox/echo-1" not in done.stderr


def test_the_next_provider_answers_in_the_place_of_a_wrong_key(place: Made, serving: Made) -> None:
    there = place(*THREE)
    address = serving(there)
    keys = _groq(address) | _google(address) | {"SHUNPIKE_ORDER": "groq,google"}
    done = there.shunpike("ask", "What is a shunpike?", "--json", **keys)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["provider"], answer["simulated"]) == ("google", False)
    assert [(one["provider"], one["error"]) for one in answer["decision"]["attempts"]] == [
        ("groq", "auth"),
        ("google", None),
    ]
    assert WRONG not in done.stdout + done.stderr


def test_falling_over_shows_in_the_footer_of_a_stream(place: Made, serving: Made) -> None:
    there = place(*THREE)
    address = serving(there)
    keys = _groq(address) | _google(address) | {"SHUNPIKE_ORDER": "groq,google"}
    done = there.shunpike("What is a shunpike?", **keys)
    assert done.returncode == 0, done.stderr
    assert "side road" in done.stdout
    assert "google/" in done.stderr
    assert "1 fall-over" in done.stderr


def test_the_ledger_keeps_both_attempts(place: Made, serving: Made) -> None:
    there = place(*THREE)
    address = serving(there)
    keys = _groq(address) | _google(address) | {"SHUNPIKE_ORDER": "groq,google"}
    assert there.shunpike("What is a shunpike?", **keys).returncode == 0
    rows = json.loads(there.shunpike("usage", "--json", **keys).stdout)["data"]
    assert {(row["provider"], row["requests"], row["answered"]) for row in rows} == {("groq", 1, 0), ("google", 1, 1)}


def test_taking_a_provider_away_leaves_everything_else_working(place: Made, serving: Made) -> None:
    there = place(*THREE, own=True)
    keys = _google(serving(there))
    there.uninstall("shunpike-groq")
    done = there.shunpike("What is a shunpike?", **keys)
    assert done.returncode == 0, done.stderr
    assert "side road" in done.stdout
    assert {row["name"] for row in json.loads(there.shunpike("providers", "--json").stdout)["data"]} == {
        "google",
        "sandbox",
    }
    assert there.shunpike("doctor").returncode == 0
    gone = there.shunpike("-p", "groq", "hi", **keys)
    assert gone.returncode == 2
    assert "pip install ./plugins/groq" in gone.stderr


def test_a_section_of_a_provider_that_was_taken_away_is_no_trouble(place: Made, serving: Made) -> None:
    """The configuration outlives the package: it is told of, and nothing more."""
    there = place("shunpike", "shunpike-google", "shunpike-sandbox")
    address = serving(there)
    done = there.shunpike("What is a shunpike?", **(_google(address) | _groq(address)))
    assert done.returncode == 0, done.stderr
    assert "google/" in done.stderr
