"""``python -m shunpike_testkit.replay.fuzz DIR [--count N] [--seed N]``: feed broken answers to the plugins.

Whatever comes, a plugin gives a sane answer or one of the errors that it may raise, in little time and little memory.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import anyio
import anyio.lowlevel

from shunpike.assembly import Assembly
from shunpike.errors import ProviderError
from shunpike.protocols import Backend, CountsTokens, Embeds, ListsModels, Streams
from shunpike.types import FINISH_REASONS, Answer, EmbedAnswer
from shunpike_testkit.replay.asking import CHAT, EMBEDDINGS
from shunpike_testkit.replay.cutting import RecitingTransport, cut_at
from shunpike_testkit.replay.mutate import STATUSES, mutated_body, mutated_headers
from shunpike_testkit.replay.plugins import KEY, make_backend
from shunpike_testkit.replay.rebuild import PLAIN, make_call, make_embed_call
from shunpike_testkit.replay.recording import Recording, find_files, read_recording

LARGEST = 20_000
"""Bytes of an answer to begin with; larger ones are only slower."""
SLOW = 5.0
"""Seconds after which one answer counts as a hang."""
LONGEST_MESSAGE = 2_000


@dataclass(slots=True)
class Report:
    """What came of it. ``wrong`` names the first cases that broke the promise, each with its seed."""

    count: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0
    memory_mb: float = 0.0
    """By how much the largest use of memory grew."""


async def fuzz(seeds: Sequence[Recording], count: int, seed: int = 0) -> Report:
    """Feed ``count`` broken answers, each made of one of ``seeds``, to the plugins of their providers."""
    report = Report()
    usable = [
        one
        for one in seeds
        if one.endpoint in (*CHAT, *EMBEDDINGS, "models", "countTokens") and len(one.body) <= LARGEST
    ]
    transport = RecitingTransport()
    made = {one.provider: make_backend(one.provider, "http://127.0.0.1:9", transport) for one in usable}
    before = _memory_mb()
    for number in range(seed, seed + count):
        random = Random(number)  # noqa: S311 - reproducible, not secret
        recording = random.choice(usable)
        backend = made[recording.provider]
        if backend is not None:
            await _one(number, recording, backend, transport, report)
            # Nothing here waits for a network, but the event loop must get round to its own upkeep.
            await anyio.lowlevel.checkpoint()
    report.memory_mb = _memory_mb() - before
    for backend in made.values():
        if backend is not None:
            await backend.aclose()
    return report


async def _one(
    number: int, recording: Recording, backend: Backend, transport: RecitingTransport, report: Report
) -> None:
    random = Random(number)  # noqa: S311 - reproducible, not secret
    body = mutated_body(recording.body, random)
    status = recording.status if random.random() < 0.7 else random.choice(STATUSES)
    places = [random.randint(0, len(body)) for _ in range(random.choice((0, 1, 5)))]
    transport.set(status, mutated_headers(dict(recording.headers), random), cut_at(body, places))
    mixed = random.random() < 0.1
    started_mono = time.monotonic()
    try:
        with anyio.fail_after(SLOW):
            outcome = await _ask(recording, backend, streamed=recording.streamed is not mixed)
    except Exception as error:  # noqa: BLE001 - nothing of the kind may come: that is what is looked for
        outcome = f"raised {type(error).__name__}: {str(error)[:200]}"
    seconds = time.monotonic() - started_mono
    report.slowest = max(report.slowest, seconds)
    report.count += 1
    wrong = outcome.startswith(("raised", "insane")) or seconds > SLOW
    report.outcomes["wrong" if wrong else outcome] += 1
    if wrong and len(report.wrong) < 20:
        report.wrong.append(f"{number} {recording.file}: {outcome} after {seconds:.1f} s")


async def _ask(recording: Recording, backend: Backend, *, streamed: bool) -> str:
    call = make_call(recording, PLAIN)
    try:
        if recording.endpoint == "models" and isinstance(backend, ListsModels):
            return "models" if all(await backend.list_models()) else "insane models"
        if recording.endpoint in EMBEDDINGS and isinstance(backend, Embeds):
            return _verdict_of_vectors(await backend.embed(make_embed_call(recording)))
        if recording.endpoint == "countTokens" and isinstance(backend, CountsTokens):
            return "tokens" if await backend.count_tokens(call) >= 0 else "insane tokens"
        if not (streamed and isinstance(backend, Streams)):
            return _verdict(await backend.complete(call))
        assembly = Assembly(provider=recording.provider, model=call.model)
        async with backend.stream(call) as chunks:
            async for chunk in chunks:
                assembly.add(chunk)
        return _verdict(assembly.answer())
    except ProviderError as error:
        moments = [getattr(error, name, None) for name in ("retry_at", "reset_at")]
        finite = all(at is None or math.isfinite(at) for at in moments)
        sane = finite and len(error.message) < LONGEST_MESSAGE and KEY not in str(error)
        return error.kind if sane else f"insane error {error!r}"[:300]


def _verdict(answer: Answer) -> str:
    """Return ``answer`` where all of it can be passed on as JSON, else what is insane about it."""
    wrong = [choice.finish_reason for choice in answer.choices if choice.finish_reason not in FINISH_REASONS]
    if wrong or not answer.model:
        return f"insane finish reasons {wrong} of {answer.model!r}"
    try:
        json.dumps(answer.model_dump(mode="json"), allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        return f"insane answer: {error}"
    return "answer"


def _verdict_of_vectors(answer: EmbedAnswer) -> str:
    sane = all(vector and all(map(math.isfinite, vector)) for vector in answer.vectors)
    return "vectors" if sane and answer.model else "insane vectors"


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_seeds(roots: Sequence[Path]) -> list[Recording]:
    """Return all recordings below ``roots``."""
    return [read_recording(path, root) for root in roots for path in find_files(root)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when nothing but answers and typed errors came, else 1."""
    parser = argparse.ArgumentParser(prog="python -m shunpike_testkit.replay.fuzz", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="folders of recordings to begin with")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)

    async def run() -> Report:
        return await fuzz(read_seeds(given.folders), given.count, given.seed)

    report = anyio.run(run)
    told = {"count": report.count, "slowest_seconds": round(report.slowest, 2), "memory_mb": round(report.memory_mb)}
    lines = [json.dumps({**told, "outcomes": dict(report.outcomes.most_common())}), *report.wrong]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
