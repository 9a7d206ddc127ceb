"""The items of a conversation as the messages of a chat: what belongs to one turn is one message again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shunpike_gateway.chat_request import check_picture
from shunpike_gateway.exchange import RejectedBody
from shunpike_gateway.responses import fields
from shunpike_gateway.responses.tools import ToolTable, arguments_of_custom, namespace_of

ROLES = ("user", "assistant", "system", "developer")
SILENT = frozenset({"reasoning", "compaction_trigger"})
"""Items that are left out without a word: thoughts go back to nobody but by the gateway's own memory of them."""


@dataclass
class _Turn:
    message: dict[str, Any]
    results: list[dict[str, Any]] = field(default_factory=list)
    """What its calls gave, which must follow it whatever the client put between."""
    shown: list[dict[str, Any]] = field(default_factory=list)
    """Images and files among the results: no result of a function holds one, so that they follow as the user's."""


class ItemReader:
    """Makes messages of items, one after the other."""

    def __init__(self, tools: ToolTable) -> None:
        self._tools = tools
        self._turns: list[_Turn] = []
        self._calling: _Turn | None = None
        """The turn of the model that may go on with the next item."""
        self._asked: dict[str, _Turn] = {}
        """Id of a call → its turn."""
        self._open: dict[str, str] = {}
        """Id of a call without a result → its place."""
        self.dropped: list[str] = []
        """Types of items that nobody here reads, in the order in which they came."""
        self._readers: Mapping[str, Callable[[dict[str, Any], str], None]] = {
            "message": self._message,
            "function_call": self._call,
            "custom_tool_call": self._call,
            "function_call_output": self._result,
            "custom_tool_call_output": self._result,
            "additional_tools": self._more_tools,
            "tool_search_output": self._more_tools,
            "item_reference": self._reference,
        }

    def instructions(self, value: Any) -> None:
        """Take in ``instructions``: a text, or items. Raises `RejectedBody`."""
        if isinstance(value, str):
            self._say({"role": "system", "content": value})
        elif value is not None:
            self.add(value, "instructions")

    def add(self, value: Any, place: str) -> None:
        """Take in ``value``: a text, or items. Raises `RejectedBody`."""
        if isinstance(value, str):
            self._say({"role": "user", "content": value})
            return
        for index, one in enumerate(fields.listing(value, place)):
            here = f"{place}[{index}]"
            item = fields.table(one, here)
            kind = item.get("type") or ("message" if "role" in item else "item_reference")
            read = self._readers.get(fields.text(kind, f"{here}.type"))
            if read is not None:
                read(item, here)
            elif kind not in SILENT and kind not in self.dropped:
                self.dropped.append(kind)

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages. Raises `RejectedBody` for a call without its result."""
        for call_id, place in self._open.items():
            raise RejectedBody(f"No tool output found for function call {call_id[:64]}.", param=place)
        found = []
        for turn in self._turns:
            found += [turn.message, *turn.results]
            if turn.shown:
                found.append({"role": "user", "content": turn.shown})
        return found

    def _say(self, message: dict[str, Any]) -> _Turn:
        turn = _Turn(message)
        self._turns.append(turn)
        self._calling = None
        return turn

    def _message(self, item: dict[str, Any], place: str) -> None:
        role = item.get("role")
        if role not in ROLES:
            raise fields.wrong(role, f"{place}.role", f"one of {', '.join(ROLES)}")
        content = _content(item.get("content"), f"{place}.content")
        if role == "assistant":
            turn = self._calling
            if turn is not None and turn.message["content"] is None:
                turn.message["content"] = content
            else:
                self._calling = self._say({"role": role, "content": content})
        else:
            self._say({"role": role, "content": content})

    def _call(self, item: dict[str, Any], place: str) -> None:
        call_id = fields.name(item.get("call_id"), f"{place}.call_id")
        name = self._tools.name_of(fields.name(item.get("name"), f"{place}.name"), namespace_of(item, place))
        if item["type"] == "custom_tool_call":
            arguments = arguments_of_custom(fields.text(item.get("input"), f"{place}.input"))
        else:
            arguments = fields.text(item.get("arguments"), f"{place}.arguments") or "{}"
        turn = self._calling
        if turn is None:
            turn = self._calling = self._say({"role": "assistant", "content": None})
        call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        turn.message.setdefault("tool_calls", []).append(call)
        self._asked[call_id], self._open[call_id] = turn, place

    def _result(self, item: dict[str, Any], place: str) -> None:
        call_id = fields.name(item.get("call_id"), f"{place}.call_id")
        turn = self._asked.get(call_id)
        if turn is None or self._open.pop(call_id, None) is None:
            message = f"No tool call found for function call output with call_id {call_id[:64]}."
            raise RejectedBody(message, param=place)
        told, output = "", item.get("output")
        if isinstance(output, str):
            told = output
        else:
            parts = _content(fields.listing(output, f"{place}.output"), f"{place}.output")
            told = "\n".join(part["text"] for part in parts if part["type"] == "text")
            turn.shown += [part for part in parts if part["type"] != "text"]
        turn.results.append({"role": "tool", "tool_call_id": call_id, "content": told})
        if self._calling is turn:
            self._calling = None

    def _more_tools(self, item: dict[str, Any], place: str) -> None:
        self._tools.add(item.get("tools"), f"{place}.tools")

    def _reference(self, item: dict[str, Any], place: str) -> None:
        reference = fields.name(item.get("id"), f"{place}.id")
        if not reference.startswith("rs_"):
            message = f"Item with id {reference[:64]!r} not found: nothing is kept here, so send the item itself."
            raise RejectedBody(message, param=place, code="item_not_found")


def _content(value: Any, place: str) -> Any:
    if isinstance(value, str):
        return value
    parts = []
    for index, one in enumerate(fields.listing(value, place)):
        here = f"{place}[{index}]"
        part = fields.table(one, here)
        kind = fields.name(part.get("type"), f"{here}.type")
        read = _PARTS.get(kind)
        if read is None:
            raise fields.wrong(kind, f"{here}.type", f"one of {', '.join(_PARTS)}")
        parts.append(read(part, here))
    return parts


def _text(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {"type": "text", "text": fields.text(part.get("text"), f"{place}.text")}


def _refusal(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {"type": "text", "text": fields.text(part.get("refusal"), f"{place}.refusal")}


def _image(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    if part.get("image_url") is None and part.get("file_id") is not None:
        raise fields.unsupported(
            f"{place}.file_id", "no files are kept here; send the image in image_url, as a data URL"
        )
    url = fields.name(part.get("image_url"), f"{place}.image_url")
    check_picture(url, f"{place}.image_url")
    detail = part.get("detail")
    return {"type": "image_url", "image_url": {"url": url, "detail": detail} if detail else {"url": url}}


def _file(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    for name in ("file_id", "file_url"):
        if part.get(name) is not None and part.get("file_data") is None:
            raise fields.unsupported(f"{place}.{name}", "no files are kept or fetched here; send it in file_data")
    data = fields.name(part.get("file_data"), f"{place}.file_data")
    named = {"filename": part["filename"]} if isinstance(part.get("filename"), str) else {}
    return {"type": "file", "file": {**named, "file_data": data}}


def _audio(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": fields.table(part.get("input_audio"), f"{place}.input_audio")}


_PARTS: Mapping[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}
