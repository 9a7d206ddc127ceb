"""What is printed for a client is what it can be given: code that compiles, TOML and JSON that can be read."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from typer.testing import CliRunner

from shunpike.errors import UsageError
from shunpike_gateway.print_client import CLIENTS, settings_of_client
from shunpike_gateway.serve import app

URL = "http://127.0.0.1:9999"


@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_each_names_the_address(name: str) -> None:
    text = settings_of_client(name, URL)
    assert URL in text
    assert "{{" not in text


@pytest.mark.parametrize("name", ["openai-python", "anthropic-python", "langchain"])
def test_python_compiles(name: str) -> None:
    compile(settings_of_client(name, URL), name, "exec")


def test_toml_and_json_can_be_read() -> None:
    told = tomllib.loads(settings_of_client("codex", URL))
    assert told["model_providers"][told["model_provider"]]["base_url"] == f"{URL}/v1"
    (body,) = re.findall(r"-d '(.*)'", settings_of_client("curl", URL))
    assert json.loads(body)["model"] == "auto"


def test_an_unknown_one_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="codex"):
        settings_of_client("codx", URL)


def test_the_command_prints_it_and_serves_nothing() -> None:
    told = CliRunner().invoke(app, ["--print-client", "curl", "--port", "9999"])
    assert told.exit_code == 0, told.output
    assert f"curl {URL}/v1" in told.output
    told = CliRunner().invoke(app, ["--print-client", "curl", "--host", "::1", "--port", "9999"])
    assert "curl http://[::1]:9999/v1" in told.output
