"""Recorded traffic of the Responses API, and its answers as the core would hand them to the dialect."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shunpike.types import Choice, Chunk, Completion, Message, ToolCallDelta, Usage

PLACES = [os.environ.get("SHUNPIKE_RECORDINGS"), Path(__file__).parents[4] / "shared" / "recordings"]
FOUND = next((Path(place) for place in PLACES if place and Path(place).is_dir()), None)
FOLDER = None if FOUND is None else FOUND / "surfaces" / "responses"
FILES = [] if FOLDER is None else sorted(one.name for one in FOLDER.glob("*.json"))
OURS = {"message", "function_call", "custom_tool_call", "reasoning"}
"""Items that an answer of ours can have: all others are of tools that OpenAI runs itself."""


def read(name: str) -> dict[str, Any]:
    """What a file holds."""
    assert FOLDER is not None
    data: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return data


def events(recording: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a streamed answer."""
    lines = recording["response"]["body"].splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def output(recording: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of an answer that ours could have; thoughts without a word are none."""
    if recording["stream"]:
        body = next((one["response"] for one in reversed(events(recording)) if "response" in one), {})
    else:
        body = json.loads(recording["response"]["body"])
    return [one for one in body.get("output", ()) if one["type"] in OURS and not _is_silent(one)]


def _is_silent(item: dict[str, Any]) -> bool:
    return item["type"] == "reasoning" and not item.get("summary") and not item.get("content")


def shape(told: list[dict[str, Any]]) -> list[str]:
    """The types of events in their order, those of one kind that follow each other once, without tools of OpenAI's."""
    places = {
        one["output_index"]
        for one in told
        if one["type"] == "response.output_item.done" and (one["item"]["type"] not in OURS or _is_silent(one["item"]))
    }
    told = [one for one in told if one.get("annotation", {"type": "url_citation"})["type"] == "url_citation"]
    kinds = [one["type"] for one in told if one.get("output_index") not in places]
    return [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]


def chunks(recording: dict[str, Any]) -> Iterator[Chunk]:
    """A streamed answer as the core hands it on."""
    for one in events(recording):
        place = one.get("output_index", 0)
        match one["type"]:
            case "response.output_text.delta":
                yield Chunk(text=one["delta"])
            case "response.output_text.annotation.added" if one["annotation"]["type"] == "url_citation":
                yield Chunk(annotations=({"type": "url_citation", "url_citation": one["annotation"]},))
            case "response.reasoning_summary_text.delta":
                yield Chunk(reasoning=one["delta"])
            case "response.output_item.added" if one["item"]["type"] in ("function_call", "custom_tool_call"):
                item = one["item"]
                yield Chunk(tool_calls=(ToolCallDelta(index=place, id=item["call_id"], name=seen(item)),))
            case "response.function_call_arguments.delta":
                yield Chunk(tool_calls=(ToolCallDelta(index=place, arguments=one["delta"]),))


def seen(item: dict[str, Any]) -> str:
    """The name under which a provider sees the tool of a call."""
    # A tool that was found by a search is told in a namespace of its own name.
    is_inside = item.get("namespace") not in (None, item["name"])
    return f"{item['namespace']}__{item['name']}" if is_inside else str(item["name"])


def completion(recording: dict[str, Any]) -> Completion:
    """The whole answer as the core hands it on."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": []}
    for item in output(recording):
        if item["type"] == "message":
            parts = [one for one in item["content"] if one["type"] == "output_text"]
            message["content"] = (message["content"] or "") + "".join(one["text"] for one in parts)
        elif item["type"] == "reasoning":
            message["reasoning"] = "\n".join(one["text"] for one in item["summary"])
        else:
            custom = item["type"] == "custom_tool_call"
            arguments = json.dumps({"input": item["input"]}) if custom else item["arguments"]
            call = {"id": item["call_id"], "function": {"name": seen(item), "arguments": arguments}}
            message["tool_calls"].append(call)
    finish = "tool_calls" if message["tool_calls"] else "stop"
    choice = Choice(message=Message.model_validate(message), finish_reason=finish)
    return Completion.model_construct(
        request_id="req_1",
        model="served",
        choices=(choice,),
        usage=Usage(prompt_tokens=7, completion_tokens=5, cached_tokens=2, reasoning_tokens=1),
        created=1_800_000_000.0,
        seconds=1.5,
    )
