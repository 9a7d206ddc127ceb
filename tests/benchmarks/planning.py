"""What planning a request costs: candidates, their order, what is in trouble, the conversation they stay in.

    python tests/benchmarks/planning.py [--rounds 7] [--requests 400]

Seven providers with sixty models are set up, all free and well, the ledger in memory. A row is one kind of request; the
least of several rounds counts, as other work on the machine only ever adds. How to read it stands in the README.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shunpike.builtin.plugin import plugin as builtin
from shunpike.clock import SystemClock
from shunpike.config import KeyStore
from shunpike.plugins import Host
from shunpike.runtime.runtime import Runtime
from shunpike.runtime.wishes import Wishes
from shunpike.types import ChatRequest, Settings
from shunpike_testkit.scripted import ScriptedProvider

PROVIDERS, MODELS = 7, 60
TOOLS = ({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},)
ALIAS = {"targets": ["p0/m0", {"model": "p1/m1", "weight": 2}, {"model": "p2/m2", "weight": 1}, "auto"]}
RULES = [{"tag": "docs", "use": "fast"}, {"model": "gpt-*", "use": "auto"}]


@dataclass(frozen=True)
class Case:
    """A kind of request."""

    title: str
    fields: Mapping[str, Any]
    settings: Mapping[str, Any]
    words: int = 8


CASES = (
    Case("any model", {}, {}),
    Case("any model that takes tools", {"tools": TOOLS}, {}),
    Case("any model, a prompt that some have no room for", {}, {}, words=40_000),
    Case("a model that is named", {"model": "p3/m3"}, {}),
    Case("an alias of four, two of them by weight", {"model": "fast"}, {"models": {"fast": ALIAS}}),
    Case("any model, two rules that don't fit", {}, {"models": {"fast": ALIAS}, "routing": {"rule": RULES}}),
)


def runtime_of(settings: Mapping[str, Any]) -> Runtime:
    """Return a runtime with everything set up."""
    host = Host()
    host.register(builtin, "builtin")
    for place in range(PROVIDERS):
        provider = ScriptedProvider(f"p{place}")
        own = range(place, MODELS, PROVIDERS)
        contexts = (8_192, 32_768, 131_072)
        provider.models = tuple(
            provider.model(f"m{one}").model_copy(update={"context": contexts[one % 3]}) for one in own
        )
        provider.order = place
        host.register(provider, provider.name)
    made = Settings.model_validate({"store": "memory:", **settings})
    return Runtime(made, host, SystemClock(), None, {}, KeyStore())


async def cost_of(case: Case, rounds: int, requests: int) -> float:
    """Return the microseconds of one plan."""
    runtime = runtime_of(case.settings)
    fields = {"messages": [{"role": "user", "content": "hello " * case.words}], **case.fields}
    request, wishes, best = ChatRequest.model_validate(fields), Wishes(), float("inf")
    planner = runtime.planner
    async with runtime.request() as snapshot:
        expires_mono = runtime.clock.monotonic() + 1e6
        for _ in range(rounds):
            begun_mono = time.process_time()
            for number in range(requests):
                await planner.plan(snapshot, request, wishes, case.words, expires_mono, number)
            best = min(best, (time.process_time() - begun_mono) / requests)
    await runtime.leave()
    await runtime.close_store()
    return best * 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=400)
    given = parser.parse_args()
    print(f"{PROVIDERS} providers, {MODELS} models; the least of {given.rounds} rounds of {given.requests} requests\n")
    print(f"{'a plan for':<50}{'CPU us':>10}")
    for case in CASES:
        print(f"{case.title:<50}{asyncio.run(cost_of(case, given.rounds, given.requests)):>10.1f}")


if __name__ == "__main__":
    main()
