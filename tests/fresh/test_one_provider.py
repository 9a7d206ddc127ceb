"""`shunpike` with one provider, installed from wheels into an empty environment, as its first user would find it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Made = Callable[..., Any]
"""A fixture that makes things, see conftest.py."""

ALONE = ("shunpike", "shunpike-groq")


def test_it_tells_its_version(place: Made) -> None:
    done = place(*ALONE).shunpike("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "shunpike 0.1.0\n", "")


def test_it_lists_the_provider_that_is_installed(place: Made) -> None:
    done = place(*ALONE).shunpike("providers", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["data"]
    assert (row["name"], row["env_key"], row["state"]) == ("groq", "GROQ_API_KEY", "no key")


def test_without_a_key_it_says_which_and_what_to_install(place: Made) -> None:
    done = place(*ALONE).shunpike("hi")
    assert (done.returncode, done.stdout) == (4, "")
    error, _, hint = done.stderr.partition("\n\nhint: ")
    assert error.startswith("error: ")
    assert "GROQ_API_KEY" in error
    assert "shunpike keys set" in hint
    assert "install ./plugins/sandbox" in hint


def test_the_same_as_json(place: Made) -> None:
    done = place(*ALONE).shunpike("ask", "hi", "--json")
    assert (done.returncode, done.stdout) == (4, "")
    error = json.loads(done.stderr)["error"]
    assert (error["type"], error["exit_code"]) == ("authentication_error", 4)
    assert "GROQ_API_KEY" in error["message"]


def test_a_provider_that_is_not_installed_comes_with_the_command_that_installs_it(place: Made) -> None:
    done = place(*ALONE).shunpike("-p", "openrouter", "hi")
    assert done.returncode == 2
    assert "the openrouter provider is not installed" in done.stderr
    assert "pip install ./plugins/openrouter" in done.stderr


@pytest.mark.parametrize("command", [("-c", "import shunpike"), ("-m", "shunpike", "--help")], ids=["import", "help"])
def test_start_imports_no_provider_no_server_and_no_tokenizer(place: Made, command: tuple[str, ...]) -> None:
    done = place(*ALONE).run("python", "-X", "importtime", *command)
    assert done.returncode == 0, done.stderr
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "shunpike" in loaded
    assert not {name for name in loaded if name.startswith("shunpike_")}
    assert not loaded & {"starlette", "uvicorn", "tiktoken", "aiohttp", "apsw", "hypothesis", "pytest"}


def test_nothing_is_installed_that_was_not_asked_for(place: Made) -> None:
    script = "from importlib.metadata import distributions; print(*sorted(d.name for d in distributions()))"
    done = place(*ALONE).run("python", "-c", script)
    installed = set(done.stdout.split())
    assert {name for name in installed if name.startswith("shunpike")} == set(ALONE)
    assert not installed & {"openai", "groq", "litellm", "tiktoken", "uvicorn", "starlette", "sniffio", "pytest"}
