"""Thousands of malformed bodies: each is answered, none by a mistake of ours, and none that is rejected is sent on.

``SHUNPIKE_BODIES=100000 pytest tests/gateway/server/test_malformed.py`` runs as many as are named.
"""

from __future__ import annotations

import copy
import json
import os
import random
from typing import Any

import pytest

from ..running import AsgiAnswer, InProcessGateway  # noqa: TID252 - the tests are no package

COUNT = int(os.environ.get("SHUNPIKE_BODIES", "5000"))
TOOL = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
WELL: dict[str, list[dict[str, Any]]] = {
    "/v1/chat/completions": [
        {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "temperature": 0.5},
        {
            "model": "auto",
            "messages": [
                {"role": "system", "content": "short"},
                {"role": "user", "content": [{"type": "text", "text": "add"}]},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "2"},
            ],
            "tools": [TOOL],
            "tool_choice": "auto",
            "stream": True,
            "stream_options": {"include_usage": True},
            "metadata": {"tag": "t"},
        },
        {
            "messages": [{"role": "user", "content": "hi"}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
            "n": 1,
            "stop": ["x"],
            "seed": 1,
            "user": "u",
            "logit_bias": {"1": 1},
        },
    ],
    "/v1/embeddings": [{"model": "sandbox/embed-1", "input": ["a", "b"], "encoding_format": "float", "dimensions": 8}],
    "/v1/completions": [{"model": "auto", "prompt": "hi", "max_tokens": 5, "stream": False}],
    "/v1/messages": [
        {
            "model": "auto",
            "max_tokens": 5,
            "system": [{"type": "text", "text": "short", "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
            "tools": [{"name": "add", "input_schema": {"type": "object"}}],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
        }
    ],
    "/v1/messages/count_tokens": [{"model": "auto", "messages": [{"role": "user", "content": "hi"}]}],
    "/v1/responses": [
        {
            "model": "auto",
            "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
            "tools": [{"type": "function", "name": "add", "parameters": {"type": "object"}}],
            "reasoning": {"effort": "low"},
            "text": {"format": {"type": "text"}},
            "store": False,
        }
    ],
}
BAD: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.5, 10**18, -(10**18), 10**300, 1e308, -0.0),
    *("", " ", "a", "\x00", "\u202e", "😀" * 9, "a" * 3000, "null", "[]", "../../etc/passwd", "' or 1=1 --", "{{7*7}}"),
    *("%00", "auto/auto", [], {}, [None], [[]], [{}], ["a"] * 300, {"a": None}, {"": 1}, {"type": "text"}, {"type": 1}),
    *({"$ref": "#/a"}, {"url": "http://169.254.169.254/"}),
]
RAW = [
    b"\x00",
    b"\xff",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\ud800",
    b"NaN",
    b"1e999",
    b"\n",
    b"9" * 400,
]
"""Bytes that are put in between others."""


def mutated(body: dict[str, Any], chance: random.Random) -> bytes:
    """Return ``body`` with one or two things wrong: in its values, or in its bytes."""
    found = copy.deepcopy(body)
    for _ in range(chance.choice((1, 1, 2))):
        twist(found, chance)
    raw = bytearray(json.dumps(found, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass"))
    if chance.random() < 0.4:
        place = chance.randrange(len(raw))
        match chance.randrange(4):
            case 0:
                raw[place] = chance.randrange(256)
            case 1:
                raw[place:place] = chance.choice(RAW)
            case 2:
                del raw[place : place + chance.randrange(1, 9)]
            case _:
                raw[place:] = raw[: chance.randrange(len(raw))]
    return bytes(raw)


def twist(value: Any, chance: random.Random) -> None:
    """Put something wrong somewhere in ``value``, at any depth."""
    while True:
        names: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not names:
            return
        name = chance.choice(names)
        if isinstance(value[name], dict | list) and value[name] and chance.random() < 0.7:
            value = value[name]
            continue
        match chance.randrange(8):
            case 0:
                del value[name]
            case 1 if isinstance(value, dict):
                value[f"{name}x"] = value.pop(name)
            case 2:
                value[name] = [value[name]] * chance.choice((1, 2, 30))
            case _:
                value[name] = copy.deepcopy(chance.choice(BAD))
        return


def is_told_well(answer: AsgiAnswer) -> bool:
    error = answer.json()["error"]
    return bool(error["message"]) and bool(error["type"]) and "Traceback" not in error["message"]


@pytest.mark.slow
async def test_malformed_bodies_are_told_what_is_wrong_with_them(gateway: InProcessGateway) -> None:
    paths = [path for path in WELL if "POST" in gateway.surface.routes.at(path)]
    assert "/v1/chat/completions" in paths
    chance = random.Random(12)
    counts: dict[int, int] = {}
    wrong: list[Any] = []
    refused = 0
    """Well-formed, and refused by the provider."""
    for number in range(COUNT):
        path = chance.choice(paths)
        raw = mutated(chance.choice(WELL[path]), chance)
        answer = await gateway.post(path, raw)
        if answer.status >= 500 or not (answer.status == 200 or is_told_well(answer)):
            wrong.append((number, path, answer.status, answer.body[:300], raw[:300]))
        refused += b"sandbox (400)" in answer.body
        counts[answer.status] = counts.get(answer.status, 0) + 1
    assert not wrong, (len(wrong), wrong[:8])
    assert counts.get(400, 0) > COUNT / 5, counts
    now = gateway.client.clock.now()
    sent = sum(row.requests for row in await gateway.client.usage(now - 36000, now + 60))
    assert sent <= counts[200] + refused, (counts, refused)
    assert refused < COUNT / 20, refused
