"""The caches of prompts: what is found in them, for how long, and what it counts."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from shunpike_sandbox.app import create_app
from shunpike_sandbox.asks import ParsedRequest, Turn
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.prompt_cache import CacheRule, PromptCache
from shunpike_sandbox.world import SimulatedWorld

RULE = CacheRule(block=64, least=128, seconds=600.0)
LONG, LONGER = Turn("system", "word " * 200), Turn("user", "thing " * 200)
ASK = ParsedRequest(turns=(LONG, Turn("user", "Why?")))


def test_a_prompt_that_begins_as_an_earlier_one_is_found_in_whole_blocks() -> None:
    cache = PromptCache()
    assert cache.hit("m", ASK, RULE, now=0.0) == 0
    found = cache.hit("m", replace(ASK, turns=(*ASK.turns, LONGER)), RULE, now=1.0)
    assert found >= 128
    assert found % 64 == 0
    assert cache.hit("m", replace(ASK, turns=(*ASK.turns, LONGER)), RULE, now=2.0) > found


def test_another_beginning_another_model_and_other_tools_find_nothing() -> None:
    cache = PromptCache()
    cache.hit("m", ASK, RULE, now=0.0)
    assert cache.hit("m", replace(ASK, turns=(Turn("system", "no"), *ASK.turns)), RULE, now=1.0) == 0
    assert cache.hit("n", ASK, RULE, now=1.0) == 0
    assert cache.hit("m", replace(ASK, tools_text="look(place)"), RULE, now=1.0) == 0


def test_what_is_shorter_than_the_least_is_no_hit() -> None:
    cache, short = PromptCache(), ParsedRequest(turns=(Turn("user", "word " * 70),))
    cache.hit("m", short, RULE, now=0.0)
    assert cache.hit("m", short, RULE, now=1.0) == 0


def test_what_was_not_used_for_its_time_is_gone() -> None:
    cache = PromptCache()
    cache.hit("m", ASK, RULE, now=0.0)
    assert cache.hit("m", ASK, RULE, now=599.0) > 0
    assert cache.hit("m", ASK, RULE, now=1_198.0) > 0
    assert cache.hit("m", ASK, RULE, now=1_798.0) == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_groq_tells_of_cached_tokens_and_counts_them_against_no_limit(stream: bool) -> None:
    world = SimulatedWorld()
    messages = [{"role": "system", "content": "word " * 800}, {"role": "user", "content": "Why?"}]
    body = {"model": "openai/gpt-oss-120b", "messages": messages, "max_tokens": 50, "stream": stream}
    async with httpx.AsyncClient(transport=InProcess(create_app(world)), base_url="http://sandbox") as client:
        answers = [
            await client.post(
                "/groq/openai/v1/chat/completions", json=body, headers={"authorization": "Bearer sandbox"}
            )
            for _ in range(3)
        ]
    first, second = world.books()["groq"]["attempts"][:2]
    cached = second["cached_tokens"]
    assert first["cached_tokens"] == 0
    assert cached > 700
    assert f'"cached_tokens":{cached}' in answers[1].text.replace(" ", "")
    left = [int(answer.headers["x-ratelimit-remaining-tokens"]) for answer in answers]
    # What the headers tell has the running request in it, by all that it asks for.
    assert left[0] - left[1] == first["prompt_tokens"] + first["completion_tokens"]
    assert left[1] - left[2] == second["prompt_tokens"] + second["completion_tokens"] - cached
