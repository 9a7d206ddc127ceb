"""What a client drops when it sends a conversation again, put back: thoughts, signatures, the provider's own ids.

It is kept under who asks and the id of the tool call, for a while and within a bound, in this process. Only the
provider that made it sees it again: another one gets the turn without it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shunpike.clock import Clock
from shunpike.types import ChatRequest, Completion, FunctionCall, Message, ToolCall
from shunpike_gateway.exchange import Caller
from shunpike_gateway.tool_ids import safe_id

MOST_BYTES = 64 * 1024 * 1024
"""What is kept at most, of all clients together; what was used last stays longest."""
_OVERHEAD = 1024
"""Bytes of what holds a turn, beside its texts."""

Key = tuple[str, str]
"""Who asks, and the id of a call as the client knows it."""


@dataclass
class _KeptTurn:
    provider: str
    reasoning: str | None
    private: Mapping[str, Any]
    calls: Mapping[str, ToolCall]
    """The id that the client knows → the call as its provider made it."""
    keys: tuple[Key, ...]
    size: int
    until_mono: float


class Replay:
    """Remembers the turns that call tools, and puts back into a request what its client left out of them."""

    def __init__(self, clock: Clock, seconds: float, most_bytes: int = MOST_BYTES) -> None:
        self._clock = clock
        self.seconds = seconds
        """For how long a turn is remembered since it was last used."""
        self._most_bytes = most_bytes
        self._turns: OrderedDict[Key, _KeptTurn] = OrderedDict()
        """Under the key of their first call, the longest unused first."""
        self._firsts: dict[Key, Key] = {}
        self.size = 0
        """Bytes that are kept, about."""

    def keep(self, caller: Caller, done: Completion) -> None:
        """Remember what ``done`` holds of its provider; an answer without tool calls needs nothing back."""
        for choice in done.choices:
            if calls := choice.message.tool_calls:
                self._keep(caller.owner, done.provider, choice.message, calls)

    def restored(self, caller: Caller, request: ChatRequest) -> ChatRequest:
        """Return ``request`` with what its client left out, for the provider that made it; itself where nothing is.

        A turn is known by its calls: their ids, names and arguments. What only its id has in common with one that is
        remembered is another turn.
        """
        if not self._turns or not any(one.tool_calls for one in request.messages):
            return request
        owner, changed, own_ids = caller.owner, False, dict[str, str]()
        messages = []
        for message in request.messages:
            after = message
            if message.role == "assistant" and message.tool_calls:
                after = self._with_what_is_kept(owner, message, own_ids)
            elif message.role == "tool" and message.tool_call_id in own_ids:
                after = message.model_copy(update={"tool_call_id": own_ids[message.tool_call_id]})
            changed = changed or after is not message
            messages.append(after)
        return request.model_copy(update={"messages": tuple(messages)}) if changed else request

    def __len__(self) -> int:
        return len(self._turns)

    def _keep(self, owner: str, provider: str, message: Message, calls: tuple[ToolCall, ...]) -> None:
        own = (message.private or {}).get(provider)
        private = own if isinstance(own, dict) else {}
        by_id = {safe_id(call.id): call for call in calls}
        keys = tuple((owner, name) for name in by_id)
        for key in keys:
            self._forget(self._firsts.get(key))
        texts = (message.reasoning or "", json.dumps(private, default=str), *(one.function.arguments for one in calls))
        self._turns[keys[0]] = turn = _KeptTurn(
            provider=provider,
            reasoning=message.reasoning,
            private=private,
            calls=by_id,
            keys=keys,
            size=sum(map(len, texts)) + _OVERHEAD,
            until_mono=self._clock.monotonic() + self.seconds,
        )
        self._firsts.update(dict.fromkeys(keys, keys[0]))
        self.size += turn.size
        self._drop_old()

    def _with_what_is_kept(self, owner: str, message: Message, own_ids: dict[str, str]) -> Message:
        calls = message.tool_calls or ()
        turn = next((found for call in calls if (found := self._find((owner, call.id)))), None)
        if turn is None or not all(_is_same(call, turn.calls.get(call.id)) for call in calls):
            return message
        own_ids.update({call.id: turn.calls[call.id].id for call in calls})
        extra = {name: None for name in ("reasoning_content",) if name in (message.model_extra or {})}
        return message.model_copy(
            update={
                **extra,
                "reasoning": turn.reasoning,
                "private": {turn.provider: dict(turn.private)},
                # As their provider wrote them, to the letter: so a prompt cache wants it.
                "tool_calls": tuple(turn.calls[call.id] for call in calls),
            }
        )

    def _find(self, key: Key) -> _KeptTurn | None:
        first = self._firsts.get(key)
        if first is None:
            return None
        turn, now_mono = self._turns[first], self._clock.monotonic()
        if turn.until_mono <= now_mono:
            self._forget(first)
            return None
        turn.until_mono = now_mono + self.seconds
        self._turns.move_to_end(first)
        return turn

    def _drop_old(self) -> None:
        now_mono = self._clock.monotonic()
        while self._turns:
            first, oldest = next(iter(self._turns.items()))
            if self.size <= self._most_bytes and oldest.until_mono > now_mono:
                return
            self._forget(first)

    def _forget(self, first: Key | None) -> None:
        turn = None if first is None else self._turns.pop(first, None)
        if turn is not None:
            self.size -= turn.size
            for key in turn.keys:
                self._firsts.pop(key, None)


def _is_same(sent: ToolCall, made: ToolCall | None) -> bool:
    """Whether ``sent`` is the call that was made, though clients write its arguments anew."""
    if made is None or sent.function.name != made.function.name:
        return False
    return sent.function.arguments == made.function.arguments or _meaning(sent.function) == _meaning(made.function)


def _meaning(function: FunctionCall) -> object:
    try:
        return json.loads(function.arguments or "{}")
    except ValueError:
        return function.arguments
