"""Real traffic of the seven providers: read as its independent summary reads it, however it is cut."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike_testkit.replay.__main__ import open_theatre
from shunpike_testkit.replay.lines import line
from shunpike_testkit.replay.recording import read_recording
from shunpike_testkit.replay.summary import summary_differences

Row = dict[str, Any]
FINGERPRINT = re.compile(rb'"system_fingerprint": ?"([^"]+)"')
KNOWN = tomllib.loads(Path(__file__).with_name("differences.toml").read_text(encoding="utf-8"))


@cache
def replayed(folder: Path) -> dict[str, Row]:
    """The line of each file, all played once, cuts included."""
    recordings = [read_recording(path, folder) for path in sorted(folder.rglob("*.json"))]

    async def run() -> dict[str, Row]:
        async with open_theatre() as theatre:
            found = {}
            for recording in recordings:
                row = line(await theatre.play(recording))
                found[recording.file] = row | {"summary": recording.summary, "features": recording.features}
            return found

    return anyio.run(run)


@pytest.fixture
def row(recordings: Path, recorded_file: str) -> Row:
    return replayed(recordings)[recorded_file]


def test_it_is_read_the_same_however_it_is_cut(row: Row) -> None:
    assert row["ok"], (row.get("raised"), row.get("unequal"))


def test_it_says_what_the_summary_says(row: Row) -> None:
    if not row["summary"] or row["text"] is None:
        return  # Nobody has summed this answer up, or it is a list of models or vectors.
    known = {at for known in KNOWN["difference"] if re.search(known["file"], row["file"]) for at in known["at"]}
    found = {difference["at"]: difference for difference in summary_differences(row["summary"], row)}
    assert found.keys() == known, [found[at] for at in found.keys() - known]


def test_it_tells_the_state_of_the_model_that_answered(row: Row, recordings: Path, recorded_file: str) -> None:
    if row["text"] is not None:
        told = FINGERPRINT.findall(read_recording(recordings / recorded_file, recordings).body)
        assert row["system_fingerprint"] == (told[-1].decode() if told else None)


def test_an_error_is_of_its_kind(row: Row, recorded_file: str) -> None:
    wanted = next((known for known in KNOWN["error"] if re.search(known["file"], recorded_file)), None)
    if wanted is None:
        assert row["error"] is None, row["error"]
        return
    assert row["error"] is not None
    assert row["error"]["kind"] == wanted["kind"]
    for name in ("cause", "limit", "status"):
        if name in wanted:
            assert row["error"][name] == wanted[name]
    for name in wanted.get("moments", ()):
        assert row["error"][name] is not None
    amounts = [one["amount"] for one in row["evidence"]]
    assert set(wanted.get("amounts", ())) <= set(amounts)


def test_a_file_that_tells_of_an_error_gives_one(row: Row) -> None:
    if "error" in row["features"]:
        assert row["error"] is not None or row["finish_reason"] == "content_filter"


def test_the_request_is_rebuilt_but_for_what_is_known_to_differ(row: Row) -> None:
    unknown = [
        difference
        for difference in row["request_diff"] or ()
        if not any(
            row["provider"] in known["providers"]
            and re.fullmatch(known["at"], difference["at"])
            and known.get("recorded", difference.get("recorded")) == difference.get("recorded")
            for known in KNOWN["request"]
        )
    ]
    assert unknown == []


def test_headers_that_tell_limits_become_evidence(row: Row, recordings: Path, read_file: Callable[..., Row]) -> None:
    headers = read_file(recordings, row["file"])["response"]["headers"]
    told = {int(value) for name, value in headers.items() if re.fullmatch(r"x-ratelimit-limit-(requests|tokens)", name)}
    if row["models"] is None:
        assert told <= {one["amount"] for one in row["evidence"]}


def test_a_retry_after_on_a_good_answer_is_no_limit(row: Row) -> None:
    if "retry_after_on_success" in row["features"]:
        assert row["error"] is None
        assert not [one for one in row["evidence"] if "retry" in one["origin"]]


def test_the_stated_cost_is_kept(row: Row) -> None:
    assert row["cost"] is not None or "cost" not in row["features"]
