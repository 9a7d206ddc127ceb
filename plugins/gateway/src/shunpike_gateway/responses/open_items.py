"""Items that are still being made: each tells, in events, how it begins, goes on and ends."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from shunpike.types import FunctionCall, ToolCall
from shunpike_gateway.responses.custom_input import CustomInput
from shunpike_gateway.responses.tools import ToolTable
from shunpike_gateway.responses.writing import (
    Json,
    annotations_of,
    call_item,
    message_item,
    reasoning_item,
    refusal_part,
    text_part,
)

Events = list[tuple[str, Json]]
"""Type → the other fields of each event; who sends them numbers them."""
_WORKING = "in_progress"


class OpenItem(ABC):
    """One item that is being made; ``place`` is its own among all items of the answer."""

    def __init__(self, item_id: str, place: int) -> None:
        self.item_id = item_id
        self.place = place

    @abstractmethod
    def item(self, status: str) -> Json:
        """Return the item as far as it is made."""

    def begin(self) -> Events:
        """Return the event that adds it."""
        return [("response.output_item.added", {"output_index": self.place, "item": self.item(_WORKING)})]

    @abstractmethod
    def rest(self) -> Events:
        """Return the events that end what is within it."""

    def end(self, status: str) -> Events:
        """Return the events that end it."""
        return [*self.rest(), ("response.output_item.done", {"output_index": self.place, "item": self.item(status)})]

    def at(self, **more: Any) -> Json:
        """Return where an event within it happens."""
        return {"item_id": self.item_id, "output_index": self.place, **more}


class OpenReasoning(OpenItem):
    """Thoughts, as a summary or as they are."""

    def __init__(self, item_id: str, place: int, *, is_summarized: bool) -> None:
        super().__init__(item_id, place)
        self._is_summarized = is_summarized
        self._name = "reasoning_summary_text" if is_summarized else "reasoning_text"
        self._index = {"summary_index" if is_summarized else "content_index": 0}
        self._text: list[str] = []
        self._begun = False

    @override
    def item(self, status: str) -> Json:
        """Return the item as far as it is made."""
        return reasoning_item(self.item_id, "".join(self._text), status, is_summarized=self._is_summarized)

    def correct(self, text: str) -> None:
        """Have it end with ``text`` in place of all that was told."""
        self._text = [text]

    def add(self, text: str) -> Events:
        """Return the events of more thoughts."""
        found: Events = [] if self._begun else self._part("added", "")
        self._begun = True
        self._text.append(text)
        found.append((f"response.{self._name}.delta", self.at(**self._index, delta=text)))
        return found

    @override
    def rest(self) -> Events:
        """Return the events that end what is within it."""
        if not self._begun:
            return []
        text = "".join(self._text)
        return [(f"response.{self._name}.done", self.at(**self._index, text=text)), *self._part("done", text)]

    def _part(self, what: str, text: str) -> Events:
        if self._is_summarized:
            part = {"type": "summary_text", "text": text}
            return [(f"response.reasoning_summary_part.{what}", self.at(**self._index, part=part))]
        part = {"type": "reasoning_text", "text": text}
        return [(f"response.content_part.{what}", self.at(**self._index, part=part))]


class OpenMessage(OpenItem):
    """What the model says: a text, or a refusal, or first one and then the other."""

    def __init__(self, item_id: str, place: int) -> None:
        super().__init__(item_id, place)
        self._parts: list[Json] = []
        """Those that are whole."""
        self._kind: str | None = None
        """Of the part that is being made."""
        self._text: list[str] = []
        self._annotations: list[Json] = []
        self._logprobs: list[Json] = []

    @override
    def item(self, status: str) -> Json:
        """Return the item as far as it is made."""
        return message_item(self.item_id, [*self._parts, *([] if self._kind is None else [self._part()])], status)

    def _part(self) -> Json:
        text = "".join(self._text)
        return refusal_part(text) if self._kind == "refusal" else text_part(text, self._annotations, self._logprobs)

    def add(self, kind: str, text: str, logprobs: Sequence[Json] = ()) -> Events:
        """Return the events of more text; ``kind`` is ``output_text`` or ``refusal``."""
        found: Events = []
        if self._kind != kind:
            found += self.rest()
            self._kind = kind
            found.append(("response.content_part.added", self.at(content_index=len(self._parts), part=self._part())))
        self._text.append(text)
        self._logprobs += logprobs
        more = {"logprobs": list(logprobs)} if kind == "output_text" else {}
        place = self.at(content_index=len(self._parts))
        found.append((f"response.{kind}.delta", {**place, "delta": text, **more}))
        return found

    def correct(self, text: str) -> None:
        """Have it end with ``text`` in place of all that was told."""
        if self._kind == "output_text":
            self._text = [text]

    def cite(self, cited: Sequence[Json]) -> Events:
        """Return the events of citations."""
        if self._kind != "output_text":
            return []
        found: Events = []
        for one in annotations_of(cited, sum(map(len, self._text))):
            place = self.at(content_index=len(self._parts), annotation_index=len(self._annotations))
            found.append(("response.output_text.annotation.added", {**place, "annotation": one}))
            self._annotations.append(one)
        return found

    @override
    def rest(self) -> Events:
        """Return the events that end what is within it."""
        if self._kind is None:
            return []
        place, part = self.at(content_index=len(self._parts)), self._part()
        if self._kind == "refusal":
            told: Json = {"refusal": part["refusal"]}
        else:
            told = {"text": part["text"], "logprobs": part["logprobs"]}
        found: Events = [
            (f"response.{self._kind}.done", {**place, **told}),
            ("response.content_part.done", {**place, "part": part}),
        ]
        self._parts.append(part)
        self._kind, self._text, self._annotations, self._logprobs = None, [], [], []
        return found


class OpenCall(OpenItem):
    """A call of a function, or of a custom tool."""

    def __init__(self, item_id: str, place: int, call: ToolCall, tools: ToolTable) -> None:
        super().__init__(item_id, place)
        self._call = call
        self._tools = tools
        self._arguments: list[str] = []
        self._input = CustomInput() if tools.tool(call.function.name).is_custom else None

    @property
    def _name(self) -> str:
        return "response.function_call_arguments" if self._input is None else "response.custom_tool_call_input"

    @override
    def item(self, status: str) -> Json:
        """Return the item as far as it is made."""
        made = "".join(self._arguments)
        if status != _WORKING and self._input is None:
            made = made or "{}"
        call = self._call.model_copy(
            update={"function": FunctionCall.model_construct(name=self._call.function.name, arguments=made)}
        )
        return call_item(self.item_id, call, self._tools, status)

    def add(self, fragment: str) -> Events:
        """Return the event of more arguments."""
        self._arguments.append(fragment)
        told = fragment if self._input is None else self._input.add(fragment)
        return [(f"{self._name}.delta", self.at(delta=told))] if told else []

    @property
    def is_whole(self) -> bool:
        """Whether nothing can follow: its arguments are JSON that has ended."""
        try:
            json.loads("".join(self._arguments))
        except ValueError:
            return False
        return True

    @override
    def rest(self) -> Events:
        """Return the events that end what is within it."""
        item = self.item("completed")
        if self._input is None:
            told = {"name": item["name"], "arguments": item["arguments"]}
        else:
            told = {"input": item["input"]}
        return [(f"{self._name}.done", self.at(**told))]
