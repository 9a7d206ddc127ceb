"""The chunks of a streamed answer, made into chunks: each finish reason once, each fragment at its own tool call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from shunpike.types import ABSENT, Bill, Call, Chunk, Money, Usage
from shunpike.types.finish import finish_reason
from shunpike.types.money import larger
from shunpike.wire.answer import (
    at_the_cap,
    citations,
    content_text,
    failed_choice,
    first_text,
    private_parts,
    tool_rows,
)
from shunpike.wire.calls import Calls
from shunpike.wire.dialect import Dialect
from shunpike.wire.lenient import count, rows, string, table
from shunpike.wire.usage import find_usage, stated_cost


@dataclass(slots=True)
class SeenChoice:
    """One choice so far."""

    calls: Calls
    finish: str | None = None
    odd: bool = False
    """Whether it told its end in a word that nobody knows: what that means is decided when the usage is known."""


@dataclass(slots=True)
class StreamProgress:
    """What a stream has told so far: the memory of one reading."""

    call: Call
    choices: dict[int, SeenChoice] = field(default_factory=dict)
    model: str | None = None
    request_id: str | None = None
    usage: Usage = ABSENT
    tier: str | None = None
    fingerprint: str | None = None
    cost: Money | None = None
    expected: int = 1
    """How many choices were asked for."""

    @property
    def bill(self) -> Bill:
        """What was stated so far."""
        return Bill(usage=self.usage, stated_cost=self.cost, model=self.model, service_tier=self.tier)

    @property
    def complete(self) -> bool:
        """Whether every choice that was asked for, or began, has told its end."""
        ended = sum(choice.finish is not None or choice.odd for choice in self.choices.values())
        return ended >= max(self.expected, len(self.choices))


def read_chunk(raw_chunk: Mapping[str, Any], seen: StreamProgress, dialect: Dialect, provider: str) -> list[Chunk]:
    """Return the chunks of one chunk. Raises `Overloaded` when a choice ends in an error."""
    if plain := _plain(raw_chunk, seen, dialect):
        return [plain]
    found: list[Chunk] = []
    for place, row in enumerate(rows(raw_chunk.get("choices"))):
        chunk = _chunk(row, place, seen, dialect, provider)
        if chunk is not None:
            found.append(chunk)
    totals = _totals(raw_chunk, seen, dialect)
    if totals:
        if found:
            found[-1] = found[-1].model_copy(update=totals)
        else:
            found.append(Chunk(**totals))
    return found


def _plain(raw_chunk: Mapping[str, Any], seen: StreamProgress, dialect: Dialect) -> Chunk | None:
    """Return the chunk of what most are: more text of a choice that has begun. None where anything else is news."""
    choices = raw_chunk.get("choices")
    row = choices[0] if type(choices) is list and len(choices) == 1 else None
    delta = row.get("delta") if type(row) is dict else None
    if type(row) is not dict or type(delta) is not dict or row.get("index") not in seen.choices:
        return None
    beside, within = _told_at(dialect.usage_at, dialect.stated_cost)
    if any(map(row.get, within)) or any(map(raw_chunk.get, beside)) or seen.request_id is None:
        return None
    if raw_chunk.get("model") != seen.model or raw_chunk.get("service_tier") != seen.tier:
        return None
    text = delta.get("content")
    if type(text) is not str or not text or (len(delta) > 1 and sum(map(bool, delta.values())) > 1):
        return None
    return Chunk.model_construct(index=row["index"], text=string(text))


@cache
def _told_at(usage_at: tuple[str, ...], stated_cost: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields of a chunk, and those of a choice, in which something may stand that is no text."""
    paths = [path.split(".") for path in (*usage_at, *([stated_cost] if stated_cost else []))]
    within = [path[2] for path in paths if path[:2] == ["choices", "0"] and len(path) > 2]
    beside = [path[0] for path in paths if path[:2] != ["choices", "0"]]
    return tuple(beside), ("finish_reason", "logprobs", *within)


def missing_ends(seen: StreamProgress) -> list[Chunk]:
    """Return the calls without arguments and the finish reasons that a stream with a proper end did not tell."""
    found = []
    cut = at_the_cap(seen.usage, seen.call, len(seen.choices))
    for index, choice in seen.choices.items():
        rest, end = tuple(choice.calls.rest()), None
        if choice.finish is None:
            end = choice.finish = finish_reason(None, has_tools=bool(choice.calls.made), cut=cut)
        if rest or end:
            found.append(Chunk(index=index, tool_calls=rest, finish_reason=end))
    return found


def _totals(raw_chunk: Mapping[str, Any], seen: StreamProgress, dialect: Dialect) -> dict[str, Any]:
    found: dict[str, Any] = {}
    model = string(raw_chunk.get("model"))
    if model and model != seen.model:
        seen.model = found["model"] = model
    if seen.request_id is None and (told := string(raw_chunk.get("id"))):
        seen.request_id = found["provider_request_id"] = told
    usage = find_usage(raw_chunk, dialect)
    # An all-zero usage after a real one comes when a stream failed late; it takes nothing back. One that is said again
    # is news: it says that what came since is counted.
    if usage is not ABSENT and (usage.total_tokens or seen.usage is ABSENT):
        found["usage"], seen.usage = usage, usage.after(seen.usage)
    cost = stated_cost(raw_chunk, dialect)
    if cost is not None:
        found["stated_cost"], seen.cost = cost, larger(seen.cost, cost)
    if (tier := string(raw_chunk.get("service_tier"))) and tier != seen.tier:
        seen.tier = found["service_tier"] = tier
    if (told := string(raw_chunk.get("system_fingerprint"))) and told != seen.fingerprint:
        seen.fingerprint = found["system_fingerprint"] = told
    return found


def _chunk(row: Mapping[str, Any], place: int, seen: StreamProgress, dialect: Dialect, provider: str) -> Chunk | None:
    index = count(row.get("index"))
    index = place if index is None else index
    choice = seen.choices.get(index)
    if choice is None:
        choice = seen.choices[index] = SeenChoice(Calls(seen.call, index))
    delta = table(row.get("delta") or row.get("message"))
    given: dict[str, Any] = {}
    # Most chunks hold a few characters of text and nothing else: what is not there costs no more than a look.
    if (content := delta.get("content")) and (text := content_text(content)):
        given["text"] = text
    if reasoning := first_text(delta, dialect.reasoning_fields):
        given["reasoning"] = reasoning
    if refusal := string(delta.get("refusal")):
        given["refusal"] = refusal
    if (calls := tool_rows(delta)) and (deltas := choice.calls.add(calls)):
        given["tool_calls"] = deltas
    if (told := row.get("finish_reason")) and (finish := _end(told, choice, seen.call, dialect, provider)):
        given["finish_reason"] = finish
        if rest := choice.calls.rest():
            given["tool_calls"] = (*given.get("tool_calls", ()), *rest)
    if (logprobs := row.get("logprobs")) and isinstance(logprobs, dict):
        given["logprobs"] = logprobs
    if dialect.private_fields or "annotations" in delta:
        given.update(_rare(delta, dialect, provider))
    return Chunk(index=index, **given) if given else None


def _rare(delta: Mapping[str, Any], dialect: Dialect, provider: str) -> dict[str, Any]:
    found = {"annotations": citations(delta), "private": private_parts(delta, dialect, provider)}
    return {name: value for name, value in found.items() if value}


def _end(told: Any, choice: SeenChoice, call: Call, dialect: Dialect, provider: str) -> str | None:
    """Return the finish reason where it is news: some providers repeat it in later chunks."""
    reason = dialect.finish(string(told))
    if reason == "error":
        raise failed_choice(call, provider)
    if choice.finish is not None:
        return None
    if reason is None:
        choice.odd = True
        return None
    choice.finish = finish_reason(reason, has_tools=choice.calls.any_named)
    return choice.finish
