"""The waits that the other tests scale down, at their full length: a minute and more, as a user has them.

They run only where they are asked for, as CONTRIBUTING.md shows: with SHUNPIKE_REAL_WAITS, in 80 s if all at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from shunpike_testkit.upstream import Script, Upstream, events, reply, stream

from .conftest import BODY
from .test_patience import CHUNK, USAGE, ticking

pytestmark = [
    pytest.mark.skipif("SHUNPIKE_REAL_WAITS" not in os.environ, reason="waits for minutes: set SHUNPIKE_REAL_WAITS=1"),
    pytest.mark.parametrize("anyio_backend", ["asyncio"]),
]
PATH = "/v1/chat/completions"
MODEL = "north/openai/gpt-oss-20b"
CONFIG = '[providers.north]\nplugin = "groq"\nprice = "free"\nbase_url = "{0}/v1"\n'
WHOLE = f"import shunpike; print(shunpike.ask('hi', model='{MODEL}', timeout=120).text)"
STREAMED = f"""
import shunpike
print("".join(map(str, shunpike.stream_sync("hi", model="{MODEL}", timeout=120))))
"""
SHELL = ("-m", "shunpike", "ask", "hi", "-q", "-m", MODEL, "--timeout", "2m")


async def asked(upstream: Upstream, folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[bytes], float]:
    """Run Python in a home of its own; return how it ended, and after how many seconds."""
    config = folder / "config.toml"
    await anyio.Path(config).write_text(CONFIG.format(upstream.base_url), encoding="utf-8")
    folders = {f"XDG_{name}_HOME": str(folder / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    environ = {**folders, "HOME": str(folder), "SHUNPIKE_CONFIG": str(config), "NORTH_API_KEY": "k", "PATH": os.defpath}
    begun = time.monotonic()
    done = await anyio.run_process(
        [sys.executable, *arguments], cwd=folder, env=environ, stdin=subprocess.DEVNULL, check=False
    )
    return done, time.monotonic() - begun


@pytest.mark.parametrize("arguments", [SHELL, ("-c", STREAMED)], ids=["shell", "python"])
async def test_a_provider_that_keeps_the_line_alive_for_65_s_is_heard_out(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    async with ticking(13, 5.0) as ticks, Upstream() as upstream:
        queue = [part for one in ticks for part in (one, ": PROCESSING\n\n")]
        upstream.on(PATH, stream([*queue, *events(CHUNK, USAGE)]))
        done, seconds = await asked(upstream, tmp_path, *arguments)
    assert (done.returncode, done.stdout.strip()) == (0, b"here"), done.stderr
    assert 60 < seconds < 80
    assert [one.path for one in upstream.requests].count(PATH) == 1


@pytest.mark.parametrize("arguments", [(*SHELL, "--no-stream"), ("-c", WHOLE)], ids=["shell", "python"])
async def test_an_answer_that_comes_whole_after_66_s_is_heard_out(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    async with ticking(1, 66.0) as ticks, Upstream() as upstream:
        upstream.on(PATH, Script([ticks[0], *reply(BODY).steps]))
        done, seconds = await asked(upstream, tmp_path, *arguments)
    assert (done.returncode, done.stdout.strip()) == (0, b"here"), done.stderr
    assert 60 < seconds < 80
    assert [one.path for one in upstream.requests].count(PATH) == 1


async def test_a_stream_that_says_nothing_is_left_after_60_s_and_says_by_which_setting(tmp_path: Path) -> None:
    async with ticking(1, 100.0) as ticks, Upstream() as upstream:
        upstream.on(PATH, Script([ticks[0], *reply(BODY).steps]))
        done, seconds = await asked(upstream, tmp_path, *SHELL, "--no-wait")
    assert done.returncode not in (0, 1)
    assert b"nothing came within 60 s, timeouts.first_token" in done.stderr
    assert 59 < seconds < 75, done.stderr
