"""How well the strategy ``quality`` chooses, on what real models answered to real prompts.

    python tests/benchmarks/quality.py [--data ../shared/quality] [--resamples 400] [--orders 5]

What is measured is the product's own code: `Difficulty` assesses each prompt as it comes, in a drawn order, and
`Quality` ranks a small and a strong model by it. How to read the tables stands in the README beside this file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any, NamedTuple

from shunpike.builtin.quality import Quality
from shunpike.protocols import Target, TargetState, View
from shunpike.routing.difficulty import Difficulty
from shunpike.types import Billing, ChatRequest, ModelInfo, ProviderInfo, Tier

DATA = Path(__file__).parents[3] / "shared" / "quality"
SETS = {
    "GSM8K (RouteLLM)": ("routellm_gsm8k",),
    "MMLU (RouteLLM)": ("routellm_mmlu",),
    "LLMRouter, 14 tasks": ("llmrouter",),
    "GSM8K (ZeroEval)": ("zeroeval_gsm",),
    "CRUX (ZeroEval)": ("zeroeval_crux",),
    "MATH level 5 (ZeroEval)": ("zeroeval_math-l5",),
    "the three of ZeroEval": ("zeroeval_gsm", "zeroeval_crux", "zeroeval_math-l5"),
}
_MIXTRAL = (("mixtral-8x7b", "gpt-4-1106"),)
_ZEROEVAL = (
    ("claude-3-haiku-20240307", "claude-3-5-sonnet-20241022"),
    ("Meta-Llama-3.1-8B-Instruct", "gpt-4o-2024-08-06"),
    ("gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06"),
)
_LLMROUTER = (
    ("mistral-7b-instruct-v0.3", "llama-3.1-nemotron-51b-instruct"),
    ("qwen2.5-7b-instruct", "llama-3.1-nemotron-51b-instruct"),
)
PAIRS = dict(zip(SETS, (_MIXTRAL, _MIXTRAL, _LLMROUTER, *(_ZEROEVAL,) * 4), strict=True))
PAPER = {"GSM8K (RouteLLM)": 0.622, "MMLU (RouteLLM)": 0.603}
"""The best that arXiv 2406.18665 reports, by routers that were trained on 65,000 labelled pairs."""
SMALLEST_GAP = 0.01
"""A pair of which the strong model is hardly better has no gap of which a share could be recovered."""
SHARES = (0.1, 0.2, 0.3, 0.5)
SETTLED = 200
"""Requests after which the share of strong calls is measured."""


class Asked(NamedTuple):
    """A prompt, and how good each model's answer was, from 0 to 1."""

    prompt: str
    scores: dict[str, float]


class Pair(NamedTuple):
    """A small and a strong model on one set of prompts."""

    title: str
    small: str
    strong: str
    rows: Sequence[Asked]

    @property
    def gains(self) -> list[float]:
        """What the strong model's answer is better by, for each prompt."""
        return [one.scores[self.strong] - one.scores[self.small] for one in self.rows]


@cache
def read(folder: Path, name: str) -> tuple[Asked, ...]:
    """Return the prompts of one file, without lines that are no JSON."""
    return tuple(_read(gzip.decompress((folder / f"{name}.jsonl.gz").read_bytes())))


def _read(text: bytes) -> Iterator[Asked]:
    for line in text.split(b"\n"):
        try:
            row: dict[str, Any] = json.loads(line, strict=False)
        except ValueError:
            continue
        yield Asked(row["prompt"], row["scores"])


def pairs(folder: Path) -> Iterator[Pair]:
    """Yield each pair that has a gap."""
    for title, names in SETS.items():
        rows = tuple(row for name in names for row in read(folder, name))
        for small, strong in PAIRS[title]:
            pair = Pair(title, small, strong, rows)
            if mean(pair.gains) > SMALLEST_GAP:
                yield pair


def recovered(ranks: Sequence[float], gains: Sequence[float]) -> float:
    """Return the area under the curve of recovered gain over the share of strong calls, hardest prompts first.

    0.5 is chance. Of prompts that rank the same, each order is as likely.
    """
    order = sorted(zip(ranks, gains, strict=True), key=lambda one: -one[0])
    area = so_far = 0.0
    for _, group in groupby(order, key=lambda one: one[0]):
        same = [gain for _, gain in group]
        area += (so_far + sum(same) / 2) * len(same)
        so_far += sum(same)
    return area / (len(order) * so_far)


def interval(ranks: Sequence[float], gains: Sequence[float], resamples: int) -> tuple[float, float]:
    """Return where 95 % of the areas lie of prompts that are drawn anew."""
    chance, both = Random(11), list(zip(ranks, gains, strict=True))
    areas = []
    while len(areas) < resamples:
        drawn = chance.choices(both, k=len(both))
        if sum(gain for _, gain in drawn) > 0:
            areas.append(recovered([rank for rank, _ in drawn], [gain for _, gain in drawn]))
    areas.sort()
    return areas[int(0.025 * resamples)], areas[int(0.975 * resamples) - 1]


def assessed(rows: Sequence[Asked], seed: int) -> list[tuple[int, float]]:
    """Return the number and the difficulty of each prompt, in the order in which they came."""
    order = list(range(len(rows)))
    Random(seed).shuffle(order)
    difficulty = Difficulty()
    return [(one, difficulty.assess(rows[one].prompt, seed * 1_000_000 + place)) for place, one in enumerate(order)]


def difficulties(rows: Sequence[Asked], seed: int) -> list[float]:
    """Return the difficulty of each prompt, in the order of ``rows``."""
    return [found for _, found in sorted(assessed(rows, seed))]


def _target(name: str, order: int) -> Target:
    provider = ProviderInfo(
        id="acme",
        title="Acme",
        base_url="https://api.example.com",
        default_tier="free",
        tiers=(Tier(name="free", billing=Billing.NONE),),
        as_of=date(2026, 11, 22),
        source="made up",
    )
    model = ModelInfo(provider="acme", id=name, as_of=date(2026, 11, 22), source="made up")
    return Target(provider=provider, name="acme", model=model, account="default", tier="free", order=order)


SMALL, STRONG = _target("small", 0), _target("strong", 1)
_STATES = {SMALL.label: TargetState(quality=0.5), STRONG.label: TargetState(quality=0.8)}
_REQUEST = ChatRequest(messages="hi")


def goes_to_strong(strategy: Quality, difficulty: float) -> bool:
    """Whether the strategy begins with the strong model."""
    view = View(now=0.0, prompt_tokens=1, max_output=1, difficulty=difficulty, states=_STATES)
    return strategy.rank((SMALL, STRONG), _REQUEST, view)[0].target is STRONG


def realised(rows: Sequence[Asked], share: float, seed: int) -> float:
    """Return the share of requests after the first `SETTLED` that began with the strong model."""
    strategy = Quality({"strong_share": share})
    chosen = [goes_to_strong(strategy, found) for _, found in assessed(rows, seed)][SETTLED:]
    return sum(chosen) / len(chosen)


def cost(rows: Sequence[Asked]) -> tuple[float, float]:
    """Return the milliseconds of CPU time that a prompt of these takes on average, and a very long one."""
    difficulty, begun = Difficulty(), time.process_time()
    for place, row in enumerate(rows):
        difficulty.assess(row.prompt, place)
    typical, longest = (time.process_time() - begun) / len(rows), "If each of them is, then some are not. " * 5000
    begun = time.process_time()
    for place in range(200):
        difficulty.assess(longest, place)
    return typical * 1e3, (time.process_time() - begun) / 200 * 1e3


ROW = "{:<26}{:<16}{:<16}{:>7}{:>8}{:>8}{:>22}{:>8}{:>8}"


def table(found: Sequence[Pair], orders: int, resamples: int) -> list[float]:
    """Print what is recovered for each pair; return it."""
    print(ROW.format("set", "small", "strong", "n", "small", "strong", "quality [95 %]", "length", "paper"))
    areas, lengths = [], []
    ranked = {one.title: [difficulties(one.rows, seed) for seed in range(orders)] for one in found}
    for pair in found:
        gains, ranks = pair.gains, ranked[pair.title]
        low, high = interval(ranks[0], gains, resamples)
        areas.append(mean(recovered(one, gains) for one in ranks))
        lengths.append(recovered([len(row.prompt) for row in pair.rows], gains))
        print(
            ROW.format(
                pair.title,
                pair.small[:15],
                pair.strong[:15],
                len(gains),
                f"{mean(row.scores[pair.small] for row in pair.rows):.3f}",
                f"{mean(row.scores[pair.strong] for row in pair.rows):.3f}",
                f"{areas[-1]:.3f} [{low:.3f}, {high:.3f}]",
                f"{lengths[-1]:.3f}",
                f"{PAPER[pair.title]:.3f}" if pair.title in PAPER else "",
            )
        )
    print(ROW.format("mean", "", "", "", "", "", f"{mean(areas):.3f}" + " " * 15, f"{mean(lengths):.3f}", ""))
    chance = mean(recovered([Random(seed).random() for seed in range(len(one.rows))], one.gains) for one in found)
    print(f"chance, measured: {chance:.3f}")
    return areas


def shares(folder: Path, orders: int) -> float:
    """Print the shares of strong calls beside those asked for; return the largest difference, in points."""
    print(f"\n{'strong calls after 200':<26}" + "".join(f"{f'{share:.0%} asked for':>20}" for share in SHARES))
    worst = 0.0
    for title, names in SETS.items():
        rows = tuple(row for name in names for row in read(folder, name))
        cells = []
        for share in SHARES:
            found = [100 * realised(rows, share, seed) for seed in range(orders)]
            worst = max(worst, *(abs(one - 100 * share) for one in found))
            cells.append(f"{mean(found):.1f} ({min(found):.1f}-{max(found):.1f})")
        print(f"{title:<26}" + "".join(f"{cell:>20}" for cell in cells))
    print(f"the largest difference: {worst:.1f} points")
    return worst


def main(write: Callable[[str], Any] = sys.stderr.write) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="a folder of outcomes: *.jsonl.gz")
    parser.add_argument("--resamples", type=int, default=400, help="for an interval")
    parser.add_argument("--orders", type=int, default=5, help="in which the prompts come")
    given = parser.parse_args()
    if not given.data.is_dir():
        write(f"there is no folder {given.data}: name one with --data\n")
        raise SystemExit(2)
    table(list(pairs(given.data)), given.orders, given.resamples)
    shares(given.data, given.orders)
    typical, longest = cost(read(given.data, "llmrouter"))
    print(f"\na prompt costs {typical:.3f} ms of CPU time, one of 195,000 characters {longest:.3f} ms")


if __name__ == "__main__":
    main()
