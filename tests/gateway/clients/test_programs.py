"""Whole programs that people use, each started as they start it, with nothing changed but where it asks."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from ...environments import modules_of, python_of, run_program  # noqa: TID252 - the tests are no package
from .conftest import HERE, SHUNPIKE, on_demand
from .emulated import emulated

pytestmark = [pytest.mark.slow, on_demand]

PINS = HERE / "requirements"
LLM_MODELS = '- model_id: road\n  model_name: auto\n  api_base: "{url}/v1"\n  supports_schema: true\n'
CODEX = """
model = "openai/gpt-oss-120b"
model_provider = "shunpike"

[analytics]
enabled = false

[model_providers.shunpike]
name = "shunpike"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "SHUNPIKE_KEY"
"""


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["What is a shunpike?"], SHUNPIKE),
        (["--no-stream", "What is a shunpike?"], SHUNPIKE),
        (["--schema", "city, days int", "Answer in JSON. city: Rome, days: 3"], '{"city": "Rome", "days": 3}'),
    ],
    ids=["streamed", "whole", "schema"],
)
def test_llm_answers_on_the_command_line(tmp_path: Path, arguments: list[str], answer: str) -> None:
    python = python_of(PINS / "llm.txt")
    with emulated(tmp_path) as gateway:
        (tmp_path / "extra-openai-models.yaml").write_text(LLM_MODELS.format(url=gateway.url), encoding="utf-8")
        environ = {"LLM_USER_PATH": str(tmp_path), "HOME": str(tmp_path), "OPENAI_API_KEY": "none"}
        done = run_program([python, "-m", "llm", "-m", "road", *arguments], environ=environ, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == answer
        assert not gateway.differences()


def test_langchains_standard_tests_pass(tmp_path: Path) -> None:
    python = python_of(PINS / "langchain.txt")
    shutil.copy(HERE / "scenarios/langchain_suite.py", tmp_path / "test_suite.py")
    # One loop for all: the suite keeps its client from test to test.
    loops = [f"asyncio_default_{what}_loop_scope=session" for what in ("test", "fixture")]
    options = [part for one in ("asyncio_mode=auto", *loops) for part in ("-o", one)]
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    with emulated(tmp_path) as gateway:
        command = [python, "-m", "pytest", "-q", "-rs", "--tb=short", *options, "test_suite.py"]
        done = run_program(command, environ={"GATEWAY_URL": gateway.url}, folder=tmp_path)
        assert done.returncode == 0, done.stdout
        assert not gateway.differences()
    found = re.search(r"(\d+) passed, (\d+) skipped", done.stdout)
    assert found is not None, done.stdout
    # What is skipped needs documents, sounds, or pictures in other places than a prompt.
    assert (int(found[1]), int(found[2])) == (44, 6), done.stdout


def test_codex_answers_a_question_and_thinks_before_it(tmp_path: Path) -> None:
    codex = modules_of(PINS / "codex") / ".bin" / "codex"
    with emulated(tmp_path) as gateway:
        (tmp_path / "config.toml").write_text(CODEX.format(url=gateway.url), encoding="utf-8")
        environ = {"CODEX_HOME": str(tmp_path), "HOME": str(tmp_path), "SHUNPIKE_KEY": "none"}
        command = [codex, "exec", "--skip-git-repo-check", "--json", 'Say "hello from the side road"']
        done = run_program(command, environ=environ, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert not gateway.differences()
    events = [json.loads(line) for line in done.stdout.splitlines()]
    items = [event["item"] for event in events if event["type"] == "item.completed"]
    assert [item["text"] for item in items if item["type"] == "agent_message"] == ["hello from the side road"]
    assert any(item["type"] == "reasoning" for item in items)
    assert events[-1]["type"] == "turn.completed"
    assert events[-1]["usage"]["input_tokens"] > 1000
