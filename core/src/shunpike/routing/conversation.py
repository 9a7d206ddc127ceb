"""Which conversation a request is a turn of: a key that all of its turns have, and no other conversation has.

| what the request has                          | the key is made of                                             |
| --------------------------------------------- | -------------------------------------------------------------- |
| a session, which the caller names             | the session                                                    |
| ``prompt_cache_key``                          | that                                                           |
| neither                                       | the beginning of the prompt: its tools, what is said before    |
|                                               | the user's first message, and that message                     |

Who asks and which model is asked for are part of every key. A key is a hash: nothing can be read from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from shunpike.types import ChatRequest, Message
from shunpike.types.chat import ImagePart, Part, TextPart

_TAIL = 256
"""Characters of an image's address that are looked at, beside its length: a picture may be megabytes of them."""
SHOWN = 8
"""Characters of a key that a record shows."""


class ConversationTurn(NamedTuple):
    """The conversation that a request is a turn of."""

    key: str
    in_tool_loop: bool = False
    """Whether the turn brings the results of tools: the model is in the middle of its work."""
    is_opening: bool = False
    """Whether it is the first turn of one that nobody named: what began with the same words before was another."""

    @property
    def shown(self) -> str:
        """As much of its key as a person needs to tell it from others."""
        return self.key[:SHOWN]


def conversation_of(request: ChatRequest, session: str | None = None, principal: str | None = None) -> ConversationTurn:
    """Return the conversation that ``request`` is a turn of. ``principal`` is who asks, None = the operator."""
    named = session if session is not None else (request.model_extra or {}).get("prompt_cache_key")
    texts = (principal or "", request.model, *(("session", str(named)) if named else _beginning(request)))
    # Their lengths tell where one ends and the next begins.
    whole = "\0".join((*texts, *(str(len(text)) for text in texts))).encode("utf-8", "surrogatepass")
    return ConversationTurn(
        key=blake2b(whole, digest_size=16).hexdigest(),
        in_tool_loop=request.messages[-1].role in ("tool", "function"),
        is_opening=not named and all(one.role != "assistant" for one in request.messages),
    )


def _beginning(request: ChatRequest) -> Iterator[str]:
    """Yield what all turns of a conversation begin with."""
    if request.tools:
        yield json.dumps(request.tools, default=str)
    for message in request.messages:
        yield message.role
        yield from _said(message)
        if message.role == "user":
            return


def _said(message: Message) -> Iterator[str]:
    if isinstance(message.content, str):
        yield message.content
        return
    for part in message.content or ():
        yield from _part(part)


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, TextPart):
        yield part.text
    elif isinstance(part, ImagePart):
        address = part.image_url.url
        yield f"{len(address)} {address[-_TAIL:]}"
    else:
        yield part.type
