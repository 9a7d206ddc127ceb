"""From an ask to a finished answer: what is said, how it ends and how many tokens it took."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from shunpike_sandbox import tokens
from shunpike_sandbox.answers import NOTICE, answer, keywords, thought
from shunpike_sandbox.asks import ParsedRequest, SimulatedCall
from shunpike_sandbox.schema_make import instance
from shunpike_sandbox.toolcalls import calls

STOP, LENGTH, TOOL_CALLS = "stop", "length", "tool_calls"
_CALL_OVERHEAD = 4
_QUOTED_NAME = r"['\"`]([A-Za-z_]\w{0,40})['\"`]"
_NAMED_KEYS = re.compile(rf"((?:{_QUOTED_NAME}(?:,| and|, and)? ){{1,12}})(?:keys?|fields?)\b")
"""Such as: a JSON with 'city' and 'days' keys."""


@dataclass(frozen=True, slots=True)
class GeneratedChoice:
    """One answer. Of a call that did not fit, ``calls`` holds the part that did."""

    text: str
    calls: tuple[SimulatedCall, ...] = ()
    thoughts: str = ""
    finish: str = STOP
    text_tokens: int = 0
    call_tokens: int = 0
    thought_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All generated tokens, thoughts included."""
        return self.text_tokens + self.call_tokens + self.thought_tokens


@dataclass(frozen=True, slots=True)
class Generation:
    """All choices of one request."""

    prompt_tokens: int
    cached_tokens: int
    choices: tuple[GeneratedChoice, ...]

    @property
    def completion_tokens(self) -> int:
        """Tokens generated over all choices, thoughts included."""
        return sum(choice.tokens for choice in self.choices)

    @property
    def thought_tokens(self) -> int:
        """Tokens of thoughts over all choices."""
        return sum(choice.thought_tokens for choice in self.choices)


class Names:
    """Numbers the calls of one request, so that its ids are the same at every run."""

    def __init__(self, seed: str, pattern: str) -> None:
        self._seed = seed
        self._pattern = pattern
        self._number = 0

    def __call__(self) -> str:
        """Return the next id."""
        self._number += 1
        return self._pattern.format(f"{self._seed}{self._number:02d}")


def prompt_tokens(ask: ParsedRequest) -> int:
    """Count what the provider reads: every turn with its overhead, and the tools."""
    total = tokens.PROMPT_OVERHEAD + tokens.count(ask.tools_text)
    for turn in ask.turns:
        total += tokens.MESSAGE_OVERHEAD + tokens.count(turn.text) + turn.images * tokens.IMAGE_TOKENS
        total += sum(_call_tokens(call) for call in turn.calls)
    return total


def generate(ask: ParsedRequest, names: Names, *, room: int, cached: int = 0, own: bool = False) -> Generation:
    """Answer an ask within ``room`` tokens per choice."""
    limit = room if ask.max_tokens is None else min(room, ask.max_tokens)
    choices = tuple(_choice(ask, names, limit, number, own) for number in range(ask.n))
    return Generation(prompt_tokens(ask), cached, choices)


def _choice(ask: ParsedRequest, names: Names, limit: int, number: int, own: bool) -> GeneratedChoice:
    thoughts = tokens.cut(thought(ask), limit) if ask.thinking else ""
    spent = tokens.count(thoughts)
    made = calls(ask, names)
    if made:
        return _fitted_calls(made, limit - spent, thoughts, spent)
    text = _content(ask)
    if ask.form == "text":
        text = f"{text} (alternative {number + 1})" if number else text
        text = f"{text}\n\n{NOTICE}" if own else text
    text, finish = _stopped(text, ask.stop), STOP
    short = tokens.cut(text, max(0, limit - spent))
    if len(short) < len(text) or (not text and limit <= spent):
        finish = LENGTH
    return GeneratedChoice(short, (), thoughts, finish, tokens.count(short), 0, spent)


def _content(ask: ParsedRequest) -> str:
    if ask.form == "schema":
        return json.dumps(instance(ask.schema, ask.last_user or ask.text), ensure_ascii=False)
    if ask.form == "json":
        return json.dumps(_object(ask), ensure_ascii=False)
    return answer(ask)


def _object(ask: ParsedRequest) -> dict[str, Any]:
    """Return the object that JSON mode answers: of a schema in the prompt if there is one, or of the keys it names."""
    for turn in reversed(ask.turns):
        schema = _schema_in(turn.text)
        if schema is not None:
            value = instance(schema, ask.last_user)
            if isinstance(value, dict):
                return value
    named = _NAMED_KEYS.search(ask.last_user)
    if named is not None:
        keys = {name: {"type": "string"} for name in re.findall(_QUOTED_NAME, named[1])}
        return dict(instance({"type": "object", "properties": keys, "required": list(keys)}, ask.last_user))
    return {"answer": answer(replace(ask, form="text")), "keywords": keywords(ask.last_user, 5)}


def _schema_in(text: str) -> Any:
    decoder = json.JSONDecoder()
    start = text.find("{")
    for _ in range(20):
        if start < 0:
            return None
        try:
            value, _end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and ("properties" in value or "$defs" in value):
            return value
        start = text.find("{", start + 1)
    return None


def _stopped(text: str, stops: tuple[str, ...]) -> str:
    ends = [text.find(stop) for stop in stops if stop and stop in text]
    return text[: min(ends)] if ends else text


def _call_tokens(call: SimulatedCall) -> int:
    return _CALL_OVERHEAD + tokens.count(call.name) + tokens.count(call.arguments)


def _fitted_calls(made: tuple[SimulatedCall, ...], limit: int, thoughts: str, spent: int) -> GeneratedChoice:
    kept: list[SimulatedCall] = []
    used = 0
    for call in made:
        head = _CALL_OVERHEAD + tokens.count(call.name)
        if used + head >= limit:
            return GeneratedChoice("", tuple(kept), thoughts, LENGTH, 0, used, spent)
        short = tokens.cut(call.arguments, limit - used - head)
        kept.append(replace(call, arguments=short))
        used += head + tokens.count(short)
        if len(short) < len(call.arguments):
            return GeneratedChoice("", tuple(kept), thoughts, LENGTH, 0, used, spent)
    return GeneratedChoice("", tuple(kept), thoughts, TOOL_CALLS, 0, used, spent)
