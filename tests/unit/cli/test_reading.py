"""What comes in on stdin, and what goes out to a pipe, whatever the code page: each in a process of its own."""

from __future__ import annotations

import codecs
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shunpike.cli.reading import PATIENCE
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli

SCRIPT = str(Path(__file__).with_name("echoing.py"))
CODE_PAGES = [
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"LC_ALL": "POSIX"},
]


def start(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, SCRIPT, *arguments],
        cwd=tmp_path,
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("environ", CODE_PAGES, ids=lambda one: next(iter(one)) + one[next(iter(one))])
def test_a_pipe_is_utf_8_whatever_the_code_page(tmp_path: Path, environ: dict[str, str]) -> None:
    out, err = start(tmp_path, "-q", "Grüße → 道", **environ).communicate("Ünïcödé".encode(), timeout=30)
    assert (out.decode(), err) == ("Ünïcödé\n\nGrüße → 道\n", b"")


@pytest.mark.parametrize(
    ("given", "prompt"),
    [
        (codecs.BOM_UTF8 + "hé".encode(), "hé"),
        (codecs.BOM_UTF16_LE + "hé".encode("utf-16-le"), "hé"),
        (codecs.BOM_UTF16_BE + "hé".encode("utf-16-be"), "hé"),
    ],
)
def test_a_byte_order_mark_is_no_part_of_a_prompt(tmp_path: Path, given: bytes, prompt: str) -> None:
    out, _ = start(tmp_path, "-q").communicate(given, timeout=30)
    assert out.decode() == f"{prompt}\n"


def test_what_is_no_text_is_refused_with_its_place(tmp_path: Path) -> None:
    process = start(tmp_path, "-q")
    out, err = process.communicate(b"abc\xff", timeout=30)
    assert (process.returncode, out) == (2, b"")
    assert b"is not UTF-8 text (byte 3)" in err
    assert b"hint: " in err


def test_a_pipe_that_does_not_end_is_said_to_be_read_after_a_second(tmp_path: Path) -> None:
    process = start(tmp_path, "-q", "hello")
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith(b"waiting for the end of stdin, which is a pipe; if nothing comes in there: shunpike ")
    assert line.endswith(b" < /dev/null\n")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, b"hello\n", b"")


def test_an_attachment_that_does_not_come_is_said_to_be_waited_for(tmp_path: Path) -> None:
    process = start(tmp_path, "-q", "-a", "-", "hello")
    assert process.stderr is not None
    said = b"waiting for the end of stdin, which is a pipe; to do without it: leave -a - away\n"
    assert process.stderr.readline() == said
    out, err = process.communicate(b"a text", timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert out == b"--- stdin ---\na text\n--- end of stdin ---\n\nhello\n"


def test_a_talk_whose_first_line_does_not_come_is_said_to_wait_for_it(tmp_path: Path) -> None:
    """Once: a program that has said something may think as long as it likes."""
    process = start(tmp_path, "chat", "-q")
    assert process.stderr is not None
    assert process.stdin is not None
    assert process.stdout is not None
    line = process.stderr.readline().decode()
    assert line == "waiting for a line on stdin, which is a pipe; to leave: close it   ·   to ask once: shunpike ask\n"
    process.stdin.write("grüße\n".encode())
    process.stdin.flush()
    assert process.stdout.readline().decode() == "grüße\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(PATIENCE + 0.5)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out.strip(), err.strip()) == (0, b"", b"")


def test_a_pipe_that_ends_at_once_is_not_spoken_of(tmp_path: Path) -> None:
    process = start(tmp_path, "-q", "hello")
    assert process.communicate(timeout=30) == (b"hello\n", b"")


def test_a_schema_may_begin_with_a_byte_order_mark(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_bytes(codecs.BOM_UTF8 + b'{"type": "object"}')
    ran = cli("--schema", "schema.json", "x", providers=(ScriptedProvider("acme", answer("{}")),))
    assert (ran.code, ran.out) == (0, "{}\n"), ran.err
