"""The requests of the demo: short, long, streaming, JSON, schema and tools; the same seed gives the same ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from shunpike.client import Options

_TOPICS = (
    "toll roads and the side roads that were built to avoid them",
    "why a write-ahead log makes commits durable",
    "how bees tell each other where the flowers are",
    "the tides in the Bay of Fundy",
    "what a leap second does to a clock",
    "how bread rises, and why it sometimes does not",
    "the rules of the road for sailing ships",
    "how a library keeps its catalogue in order",
)
_ASKS = ("Explain in two sentences:", "Name three facts about", "What should a child know about", "Summarise")
_SENTENCES = (
    "The road was narrow, and the carts waited at the gate from dawn.",
    "A farmer opened his field so that travellers could pass without paying.",
    "Within a year the new track was wider than the old one.",
    "The keeper of the gate wrote every coin into his book in the evening.",
    "When the book and the coins did not agree, he counted again.",
    "Rain closed the side road in spring, and the gate earned more than ever.",
)
_CITIES = ("Lisbon", "Nairobi", "Quito", "Oslo", "Hanoi", "Perth")
_SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "year": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["title", "year", "tags"],
    "additionalProperties": False,
}
_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_WEIGHTS = {"short": 30, "long": 15, "stream": 25, "json": 10, "schema": 10, "tools": 10}


@dataclass(frozen=True)
class DemoRequest:
    """One request of the demo."""

    kind: str
    prompt: str
    options: Options
    stream: bool = False


def samples(count: int, seed: int) -> Iterator[DemoRequest]:
    """Yield ``count`` requests; the same seed gives the same ones."""
    draw = random.Random(seed)  # noqa: S311 - a demo must be repeatable, nothing is kept secret
    kinds = draw.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()), k=count)
    for kind in kinds:
        yield _sample(kind, draw)


def _sample(kind: str, draw: random.Random) -> DemoRequest:
    options: Options = {"max_tokens": draw.choice((32, 48, 64, 96)), "timeout": 20.0}
    prompt = f"{draw.choice(_ASKS)} {draw.choice(_TOPICS)}."
    match kind:
        case "long":
            text = " ".join(draw.choice(_SENTENCES) for _ in range(draw.randint(60, 160)))
            prompt = f"{text}\n\nSummarise the text above."
        case "json":
            prompt = f"{prompt} Answer as a JSON object."
            options["response_format"] = {"type": "json_object"}
            options["max_tokens"] = 256
        case "schema":
            prompt = f"Describe a book on {draw.choice(_TOPICS)} as JSON."
            options["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "book", "schema": _SCHEMA, "strict": True},
            }
            options["max_tokens"] = 128
        case "tools":
            prompt = f"What is the weather in {draw.choice(_CITIES)}? Use the tool get_weather."
            options["tools"] = (_TOOL,)
            options["max_tokens"] = 128
        case _:
            pass
    return DemoRequest(kind=kind, prompt=prompt, options=options, stream=kind == "stream")
