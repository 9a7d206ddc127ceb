"""Broken answers by the thousand: a sane answer or a typed error comes of each, never anything else."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

from shunpike_testkit.replay.fuzz import fuzz, main, read_seeds
from shunpike_testkit.replay.mutate import WAYS

COUNT = int(os.environ.get("SHUNPIKE_FUZZ_COUNT", "3000"))
"""The whole figure, 100,000, is run with ``python -m shunpike_testkit.replay.fuzz tests/replay/fixtures``."""


async def test_whatever_comes_is_an_answer_or_a_typed_error(fixtures: Path, anyio_backend_name: str) -> None:
    seed = 0 if anyio_backend_name == "asyncio" else COUNT
    report = await fuzz(read_seeds([fixtures]), COUNT, seed)
    assert report.wrong == []
    assert report.count == COUNT
    assert report.slowest < 5
    assert report.memory_mb < 300
    # Mutations that break everything would show nothing: some answers must survive them.
    assert report.outcomes["answer"] > COUNT / 50


def test_each_way_of_breaking_is_repeatable_and_takes_any_bytes() -> None:
    for way in WAYS:
        for body in (b"", b"\xff", b'{"a": [1, {"b": "c"}]}', b'data: {"a": 1}\n\ndata: [DONE]\n\n'):
            assert way(body, Random(7)) == way(body, Random(7))


def test_the_command_reports_what_it_did(fixtures: Path, capsys) -> None:  # type: ignore[no-untyped-def] # fixture
    assert main([str(fixtures), "--count", "50"]) == 0
    assert '"count": 50' in capsys.readouterr().out
