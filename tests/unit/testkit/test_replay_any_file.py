"""``python -m shunpike_testkit.replay`` survives any file: a line of its own says what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shunpike_testkit.replay.__main__ import main

Row = dict[str, Any]
FINE: Row = {
    "provider": "openai",
    "endpoint": "chat.completions",
    "model": "m",
    "stream": False,
    "request": {"recorded": True, "json": {"model": "m", "messages": [{"role": "user", "content": "hi"}]}},
    "response": {
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": '{"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}',
    },
}
ODD: list[Any] = [None, 7, "text", [], {}, [[]], {"a": 1}, True, -1.5, 10**40]


def with_(path: str, value: Any) -> Row:
    data: Row = json.loads(json.dumps(FINE))
    *steps, last = path.split(".")
    place = data
    for step in steps:
        place = place[step]
    place[last] = value
    return data


@pytest.fixture
def played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[int, list[Row]]]:
    def play() -> tuple[int, list[Row]]:
        code = main([str(tmp_path), "--json"])
        captured = capsys.readouterr()
        assert captured.err == ""
        return code, [json.loads(row) for row in captured.out.splitlines()]

    return play


FILES = {
    "empty": b"",
    "binary": bytes(range(256)),
    "truncated": json.dumps(FINE).encode()[:-40],
    "nested": b"[" * 100_000,
    "number": b"1" + b"0" * 10_000,
    "a-list": b"[1, 2]",
    "a-null": b"null",
    "utf-16": json.dumps(FINE).encode("utf-16"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_recording_is_a_line_and_the_next_is_played(
    tmp_path: Path, played: Callable[[], tuple[int, list[Row]]], name: str
) -> None:
    (tmp_path / "a.json").write_bytes(FILES[name])
    (tmp_path / "b.json").write_text(json.dumps(FINE))
    code, [odd, fine] = played()
    assert (code, odd["ok"], odd["file"], fine["ok"], fine["text"]) == (1, False, "a.json", True, "ok")
    assert "is no recording" in odd["raised"]


def test_folders_pipes_links_to_nothing_and_odd_names_are_no_tracebacks(
    tmp_path: Path, played: Callable[[], tuple[int, list[Row]]]
) -> None:
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "lost.json").symlink_to(tmp_path / "nowhere")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd-\xff.json")).write_text("{}")
    code, rows = played()
    assert code == 1
    assert [row["file"] for row in rows] == ["lost.json", "odd-\udcff.json", "pipe.json"]
    assert all(row["ok"] is False for row in rows)


def test_the_line_of_text_shows_what_a_terminal_cant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd-\xff.json")).write_text("{}")
    assert main([str(tmp_path)]) == 1
    assert "FAIL  odd-\\udcff.json: " in capsys.readouterr().out


REQUESTS = [
    *({"messages": value} for value in ODD),
    *({"messages": [{"role": "user", "content": value}]} for value in ODD),
    *({"messages": [value]} for value in ODD),
    *({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": value} for value in ODD),
]
GEMINI = [
    *({"contents": value} for value in ODD),
    *({"contents": [{"parts": [value]}]} for value in ODD),
    *({"contents": [{"role": "model", "parts": [{"functionCall": value}]}]} for value in ODD),
    *({"contents": [{"parts": [{"functionResponse": value}]}]} for value in ODD),
    *({"contents": [{"parts": [{"inlineData": value}]}]} for value in ODD),
    *({"generationConfig": value, "tools": value, "toolConfig": value, "systemInstruction": value} for value in ODD),
]


def test_an_odd_request_is_told_in_its_line_and_its_answer_is_read_all_the_same(
    tmp_path: Path, played: Callable[[], tuple[int, list[Row]]]
) -> None:
    for number, request in enumerate(REQUESTS):
        (tmp_path / f"{number:03}.json").write_text(json.dumps(with_("request.json", request)))
    code, rows = played()
    assert code == 0
    assert [row["text"] for row in rows] == ["ok"] * len(REQUESTS)
    assert any("odd" in row["request_diff"][0].get("refused", "") for row in rows)


def test_an_odd_request_to_gemini_or_for_vectors_is_no_traceback(
    tmp_path: Path, played: Callable[[], tuple[int, list[Row]]]
) -> None:
    for number, request in enumerate(GEMINI):
        row = with_("request.json", request) | {"provider": "google", "endpoint": "generateContent"}
        (tmp_path / f"g{number:03}.json").write_text(json.dumps(row))
    for number, value in enumerate(ODD):
        row = with_("request.json", {"input": value, "dimensions": value}) | {"endpoint": "embeddings"}
        (tmp_path / f"e{number:03}.json").write_text(json.dumps(row))
        row = with_("request.json", {"requests": value}) | {"provider": "google", "endpoint": "batchEmbedContents"}
        (tmp_path / f"f{number:03}.json").write_text(json.dumps(row))
    _, rows = played()
    assert len(rows) == len(GEMINI) + 2 * len(ODD)
    assert all("raised" not in row for row in rows)


@pytest.mark.parametrize("status", [100, 101, 199, 0, -1, 1000, 10**30])
def test_what_can_be_no_answers_status_is_named(
    tmp_path: Path, played: Callable[[], tuple[int, list[Row]]], status: int
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(with_("response.status", status)))
    code, [row] = played()
    assert code == 1
    assert "is not the status of an answer" in row["raised"]


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_may_have_no_body_does_not_spoil_the_next(
    tmp_path: Path, played: Callable[[], tuple[int, list[Row]]], status: int
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(with_("response.status", status)))
    (tmp_path / "b.json").write_text(json.dumps(FINE))
    _, [_, fine] = played()
    assert fine["text"] == "ok"


def test_odd_headers_of_a_recording_are_left_out(tmp_path: Path, played: Callable[[], tuple[int, list[Row]]]) -> None:
    headers = {"content-type": "application/json", "a b": "c", "": "x", "x\r\ny": "1", "ok": "a\r\nb\x00c", "n": None}
    (tmp_path / "a.json").write_text(json.dumps(with_("response.headers", headers)))
    _, [row] = played()
    assert row["text"] == "ok"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PATHS = st.sampled_from(
    [
        "provider", "endpoint", "model", "stream", "request", "response", "features", "summary", "request.json",
        "request.json.messages", "request.json.model", "request.url", "response.status", "response.headers",
        "response.body",
    ]
)  # fmt: skip
ANY_FILE = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.builds(lambda path, value: json.dumps(with_(path, value)).encode(), PATHS, JSON),
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(ANY_FILE, min_size=1, max_size=4))
def test_any_files_give_as_many_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str], files: list[bytes]) -> None:
    folder = Path(mkdtemp(dir=tmp_path))
    for number, content in enumerate(files):
        (folder / f"{number}.json").write_bytes(content)
    code = main([str(folder), "--json"])
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [row["file"] for row in rows] == [f"{number}.json" for number in range(len(files))]
    assert code == (1 if any(row["ok"] is False for row in rows) else 0)


@pytest.mark.parametrize("given_", ["/nowhere/at/all", "a\x00b", os.devnull])
def test_a_wrong_call_is_told_and_no_traceback(given_: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: Any = main([given_])
    except SystemExit as ended:
        code = ended.code
    assert code in (1, 2)
    assert "Traceback" not in "".join(capsys.readouterr())


def test_whoever_stops_reading_the_lines_gets_no_traceback(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.json").write_text("{}" + " " * 5000)
    command = f"{sys.executable} -u -m shunpike_testkit.replay {tmp_path} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)  # noqa: S602
    assert "Traceback" not in done.stderr
