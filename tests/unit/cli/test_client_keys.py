"""Client keys at the command line: made once, listed without what opens anything, revoked, forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Cli


def created(cli: Cli, *options: str) -> dict[str, Any]:
    return dict(json.loads(cli("keys", "client", "create", "--json", *options).out))


def listed(cli: Cli) -> list[dict[str, Any]]:
    return list(json.loads(cli("keys", "client", "list", "--json").out)["data"])


def test_a_key_is_shown_once_and_kept_with_its_bounds(cli: Cli) -> None:
    made = cli(
        *("keys", "client", "create", "--name", "ann", "--budget", "5/month", "--list-budget", "$0.50/day"),
        *("--rpm", "30", "--tpd", "100000", "--concurrency", "4", "--models", "fast, groq/*", "--no-paid"),
        *("--expires", "30d"),
    )
    assert made.code == 0
    key = made.out.strip()
    assert key.startswith("sk-shunpike-")
    shown = cli("keys", "client", "list")
    assert key not in shown.out
    assert key[:16] in shown.out
    for word in ("ann", "active", "fast, groq/*", "$5", "at list price", "30 requests / 60 s", "nothing paid"):
        assert word in " ".join(shown.out.split())
    (row,) = listed(cli)
    assert row["budgets"][0] | {"amount": "5", "period": "month", "counts": "cost"} == row["budgets"][0]
    assert [one["unit"] for one in row["limits"]] == ["request", "total_token", "concurrent"]
    assert row["models"] == ["fast", "groq/*"]
    assert "sha256" not in row
    assert "expires" in cli("keys", "client", "show", "ann").out


def test_without_a_name_it_gets_a_free_one(cli: Cli) -> None:
    assert [created(cli)["name"] for _ in range(2)] == ["client-1", "client-2"]
    cli("keys", "client", "rm", "client-1")
    assert created(cli)["name"] == "client-1"


def test_a_revoked_key_stays_in_the_list_and_a_forgotten_one_does_not(cli: Cli) -> None:
    created(cli, "--name", "ann")
    assert "opens nothing any more" in cli("keys", "client", "revoke", "ann", "--reason", "lost").err
    assert "was revoked already" in cli("keys", "client", "revoke", "ann").err
    assert [one["state"] for one in listed(cli)] == ["revoked"]
    assert json.loads(cli("keys", "client", "rm", "ann", "--json").out) == {"name": "ann", "removed": True}
    assert listed(cli) == []


def test_the_audit_tells_who_made_and_revoked_it_and_nothing_that_opens(cli: Cli) -> None:
    key = created(cli, "--name", "ann")["key"]
    cli("keys", "client", "revoke", "ann", "--reason", "lost")
    entries = json.loads(cli("audit", "--json").out)["data"]
    assert [(one["name"], one["setting"], one["signed"]["why"]) for one in entries] == [
        ("ann", "client_key", "lost"),
        ("ann", "client_key", ""),
    ]
    assert "sha256" not in json.dumps(entries)
    assert key[16:] not in json.dumps(entries)
    table = cli("audit").out
    assert "ann" in table
    assert "{" not in table


def test_a_name_is_given_once(cli: Cli) -> None:
    created(cli, "--name", "ann")
    again = cli("keys", "client", "create", "--name", "ann")
    assert again.code == 2
    assert 'there is a client key "ann"' in again.err
    assert "shunpike keys client rm ann" in again.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--budget", "5"], "should be dollars and a period"),
        (["--budget", "5/week"], "got '5/week'"),
        (["--budget", "much/month"], "much"),
        (["--expires", "soon"], "--expires should be"),
        (["--name", " "], "--name is empty"),
        (["--name", "x" * 65], "at most 64"),
        (["--rpm", "0"], "rpm"),
    ],
)
def test_what_can_not_be_is_rejected_by_its_name(cli: Cli, options: list[str], said: str) -> None:
    made = cli("keys", "client", "create", *options)
    assert made.code == 2
    assert said in made.err
    assert listed(cli) == []


def test_a_key_that_is_not_there_is_told_with_one_that_is(cli: Cli) -> None:
    created(cli, "--name", "anna")
    for command in ("show", "revoke", "rm"):
        told = cli("keys", "client", command, "ann")
        assert told.code == 2
        assert "anna" in told.err


def test_where_no_other_process_would_see_it_no_key_is_made(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUNPIKE_STORE", "memory:")
    made = cli("keys", "client", "create")
    assert made.code != 0
    assert "keeps no switches that another process sees" in made.err
