"""The blocking face and the one-line functions, over the embedded sandbox as a newcomer has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import shunpike


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file of the working directory."""
    monkeypatch.chdir(tmp_path)


def test_ask_answers_without_a_key_and_says_that_it_is_the_sandbox() -> None:
    done = shunpike.ask("What is a shunpike?")
    assert "side road" in done.text
    assert "not written by an AI model" in done.text
    assert done.simulated
    assert done.provider == "sandbox"
    assert not done.cost
    assert done.usage.total_tokens > 0


def test_a_blocking_stream_gives_the_same_text_chunk_by_chunk() -> None:
    chunks = [str(chunk) for chunk in shunpike.stream_sync("What is a shunpike?")]
    assert len(chunks) > 3
    assert "".join(chunks) == shunpike.ask("What is a shunpike?").text


def test_a_blocking_stream_can_be_left_early() -> None:
    stream: Iterator[shunpike.Chunk] = shunpike.stream_sync("What is a shunpike?")
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert shunpike.ask("still there?").text


async def test_ask_answers_where_an_event_loop_runs_as_in_a_notebook() -> None:
    assert "side road" in shunpike.ask("What is a shunpike?").text
    assert "side road" in "".join(str(chunk) for chunk in shunpike.stream_sync("What is a shunpike?"))
    with pytest.raises(shunpike.UnknownProvider):
        shunpike.ask("hi", providers=["nobody"])


async def test_the_asynchronous_one_liner_streams() -> None:
    text = ""
    async for chunk in shunpike.stream("What is a shunpike?"):
        text += str(chunk)
    assert "side road" in text


def test_errors_come_through_the_portal_as_they_are() -> None:
    with pytest.raises(shunpike.UsageError, match="the prompt is empty"):
        shunpike.ask("")
    with pytest.raises(shunpike.UnknownProvider):
        next(shunpike.stream_sync("hi", providers=["nobody"]))


def test_the_answer_is_an_openai_object_too() -> None:
    body = shunpike.ask("What is a shunpike?").openai()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["role"] == "assistant"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
