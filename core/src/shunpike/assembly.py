"""Folds the chunks of a stream into the answer that they are chunks of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shunpike.types import (
    ABSENT,
    Answer,
    Basis,
    Bill,
    Choice,
    Chunk,
    Evidence,
    FunctionCall,
    Message,
    Money,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from shunpike.types.finish import finish_reason, no_choice, whole_arguments
from shunpike.types.money import larger

GROWING = ("text", "summary")
"""Fields of a row that come in chunks; all others are told once, or again."""
OF_ANSWER = ("model", "service_tier", "system_fingerprint", "evidence", "warnings", "provider_request_id", "headers_at")
"""Fields of a chunk that are of the whole answer, beside its bill."""


@dataclass(slots=True)
class _Tool:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Part:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    tools: dict[int, _Tool] = field(default_factory=dict)
    finish: str | None = None
    logprobs: dict[str, Any] | None = None
    annotations: tuple[dict[str, Any], ...] = ()
    private: dict[str, Any] | None = None


class Assembly:
    """An answer in the making. The chunks of a streamed answer add up to what the unary answer would have been."""

    def __init__(self, *, provider: str, model: str) -> None:
        self._provider = provider
        self._model = model
        self._parts: dict[int, _Part] = {}
        self.usage: Usage = ABSENT
        self.stated_cost: Money | None = None
        self.service_tier: str | None = None
        self.system_fingerprint: str | None = None
        self.headers_at: float | None = None
        self.provider_request_id: str | None = None
        self._evidence: tuple[Evidence, ...] = ()
        self._warnings: tuple[str, ...] = ()
        self.has_content = False
        self._untold = False
        self._end_untold = False
        self._of_one = False

    @property
    def model(self) -> str:
        """The model that the answer names, until then the one that was asked."""
        return self._model

    @property
    def text(self) -> str:
        """The text of the first choice so far."""
        part = self._parts.get(min(self._parts, default=0))
        return "".join(part.text) if part else ""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What the chunks so far taught about limits."""
        return self._evidence

    @property
    def running(self) -> bool:
        """Whether content came after the last usage was stated, so that it is a running figure and no final one."""
        return self.usage is not ABSENT and self._untold

    @property
    def settled(self) -> bool:
        """Whether the last usage was stated with the end or after it, though nothing said that no more follows."""
        of_all = not (self._of_one and len(self._parts) > 1)
        return self.usage is not ABSENT and of_all and not (self._untold or self._end_untold)

    @property
    def cut(self) -> bool:
        """Whether an output cap ended a choice."""
        return any(part.finish == "length" for part in self._parts.values())

    def ended(self, choices: int) -> bool:
        """Whether so many choices have told their end."""
        return sum(part.finish is not None for part in self._parts.values()) >= max(choices, len(self._parts))

    def add(self, chunk: Chunk) -> None:
        """Take in one chunk."""
        part = self._parts.get(chunk.index)
        if part is not None and chunk.is_plain:
            self._untold = self.has_content = True
            part.text.append(chunk.text)
            return
        if part is None and _says(chunk):
            part = self._parts[chunk.index] = _Part()
        if part is not None:
            self._fill(part, chunk)
        self._model = chunk.model or self._model
        self._count(chunk)
        self.stated_cost = larger(self.stated_cost, chunk.stated_cost)
        self.service_tier = chunk.service_tier or self.service_tier
        self.system_fingerprint = chunk.system_fingerprint or self.system_fingerprint
        self.headers_at = self.headers_at if chunk.headers_at is None else chunk.headers_at
        self.provider_request_id = chunk.provider_request_id or self.provider_request_id
        self._evidence += chunk.evidence
        self._warnings += chunk.warnings

    def answer(self) -> Answer:
        """Return the answer so far. Raises `BadAnswer` (empty) when no choice ever came."""
        if not self._parts:
            raise no_choice(self._provider, self._model, self._bill())
        return Answer(
            model=self._model,
            choices=tuple(_choice(index, self._parts[index]) for index in sorted(self._parts)),
            usage=self.usage,
            stated_cost=self.stated_cost,
            service_tier=self.service_tier,
            system_fingerprint=self.system_fingerprint,
            evidence=self._evidence,
            warnings=self._warnings,
            provider_request_id=self.provider_request_id,
            headers_at=self.headers_at,
        )

    def _count(self, chunk: Chunk) -> None:
        if chunk.usage is None:
            self._untold = self._untold or chunk.has_content
            self._end_untold = self._end_untold or chunk.finish_reason is not None
        elif chunk.usage.basis is Basis.ABSENT:
            # It says so: of what was stated before, only what came with the end was the last word.
            self._untold = self._untold or chunk.has_content or not self.settled
        else:
            known = chunk.usage.after(self.usage)
            # A figure that is smaller than one before has not counted what came with it.
            self._untold = known is not chunk.usage and (self._untold or chunk.has_content)
            self._end_untold = False
            # One of several that come beside the choices may be of its own choice alone.
            self._of_one = self.usage is not ABSENT and (chunk.has_content or chunk.finish_reason is not None)
            self.usage = known

    def _bill(self) -> Bill:
        return Bill(usage=self.usage, stated_cost=self.stated_cost, model=self._model, service_tier=self.service_tier)

    def _fill(self, part: _Part, chunk: Chunk) -> None:
        if chunk.has_content:
            self.has_content = True
            part.text.append(chunk.text)
            part.reasoning.append(chunk.reasoning)
            part.refusal.append(chunk.refusal)
            for delta in chunk.tool_calls:
                _fill_tool(part.tools.setdefault(delta.index, _Tool()), delta)
        if chunk.text_in_all is not None:
            part.text = [chunk.text_in_all]
        if chunk.reasoning_in_all is not None:
            part.reasoning = [chunk.reasoning_in_all]
        part.finish = part.finish or chunk.finish_reason
        part.annotations += chunk.annotations
        part.logprobs = _merged(part.logprobs, chunk.logprobs)
        part.private = _merged(part.private, chunk.private)


def chunks_of(answer: Answer) -> list[Chunk]:
    """Return ``answer`` as a short stream: a chunk per choice, the last with the usage, which is that of all."""
    found = [_whole(choice) for choice in answer.choices]
    found[-1] = found[-1].model_copy(update={"usage": answer.usage, "stated_cost": answer.stated_cost})
    found[0] = found[0].model_copy(update={name: getattr(answer, name) for name in OF_ANSWER})
    return found


def _whole(choice: Choice) -> Chunk:
    message = choice.message
    return Chunk(
        index=choice.index,
        text=message.text,
        reasoning=message.reasoning or "",
        refusal=message.refusal or "",
        tool_calls=tuple(
            ToolCallDelta(index=place, id=call.id, name=call.function.name, arguments=call.function.arguments)
            for place, call in enumerate(message.tool_calls or ())
        ),
        finish_reason=choice.finish_reason,
        logprobs=choice.logprobs,
        annotations=message.annotations or (),
        private=message.private,
    )


def _says(chunk: Chunk) -> bool:
    return bool(chunk.has_content or chunk.finish_reason or chunk.private or chunk.logprobs or chunk.annotations)


def _fill_tool(tool: _Tool, delta: ToolCallDelta) -> None:
    tool.id = delta.id or tool.id  # What was told late wins over what was made up.
    tool.name = tool.name or delta.name or ""
    tool.arguments.append(delta.arguments)


def _choice(index: int, part: _Part) -> Choice:
    tools = {place: tool for place, tool in part.tools.items() if tool.name}
    finish = finish_reason(part.finish, has_tools=bool(tools))
    return Choice(
        index=index,
        message=Message(
            role="assistant",
            content="".join(part.text) or None,
            tool_calls=tuple(_tool(index, place, tools[place], finish) for place in sorted(tools)) or None,
            refusal="".join(part.refusal) or None,
            reasoning="".join(part.reasoning) or None,
            annotations=part.annotations or None,
            private=part.private,
        ),
        finish_reason=finish,
        logprobs=part.logprobs,
    )


def _tool(choice: int, place: int, tool: _Tool, finish: str) -> ToolCall:
    return ToolCall(
        id=tool.id or f"call_{choice}_{place}",
        function=FunctionCall(name=tool.name, arguments=whole_arguments("".join(tool.arguments), finish)),
    )


def _merged(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return both together: lists are joined, tables merged, and of anything else the later one stays."""
    if not old or not new:
        return new or old
    result = dict(old)
    for name, value in new.items():
        known = result.get(name)
        if isinstance(known, list) and isinstance(value, list):
            result[name] = _joined(known, value)
        elif isinstance(known, dict) and isinstance(value, dict):
            result[name] = _merged(known, value)
        elif value is not None:
            result[name] = value
    return result


def _joined(old: list[Any], new: list[Any]) -> list[Any]:
    """Return the rows of both. A row with the index and the type of the last one goes on where that one broke off."""
    result = list(old)
    for row in new:
        last = result[-1] if result else None
        if not (isinstance(row, dict) and isinstance(last, dict) and _same_row(last, row)):
            result.append(row)
            continue
        grown = {name: last[name] + row[name] for name in GROWING if _both_text(last.get(name), row.get(name))}
        result[-1] = {**last, **{name: value for name, value in row.items() if value is not None}, **grown}
    return result


def _same_row(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether both are chunks of one row. What is encrypted comes whole, so that each is a row of its own."""
    alike = all(one.get(name) == other.get(name) for name in ("index", "type"))
    return alike and isinstance(one.get("index"), int) and "data" not in other


def _both_text(one: Any, other: Any) -> bool:
    return isinstance(one, str) and isinstance(other, str)
