"""Sets thinking apart from the text, and JSON from its fence, in whole answers and in streams.

A stream is shown as it comes, without what can be seen to be a tag or a fence. What only its end tells (a closing
without opening, words behind a fence) is put right there, so that the answer is the unary one however it was cut.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from typing_extensions import override

from shunpike.reasoning.thinking import BLANK, TAGS, Pairs, closing_of, find, may_be_tag, opening_of, pairs_for, read
from shunpike.tokens import ESTIMATE
from shunpike.types import Answer, Call, Choice, Chunk

_TITLE = r'(?:\{[\w.][^{}\r\n":]{0,99}\}|[a-z]\w{0,20}(?:[ \t]+[^\W\d][^\r\n`]{0,99})?)?[ \t]*\r?\n'
"""What may stand behind the opening of a fence: ``json``, ``json title="x"``, ``{json}``."""
_FENCE = re.compile(
    rf"(`{{3,}}|~{{3,}})[ \t]*(?:{_TITLE}|(?:json\w*)?[ \t]*(?=[^\w\s`~]))",
    re.IGNORECASE,
)
_FENCE_BEGUN = re.compile(
    r"`{1,2}|~{1,2}|(?:`{3,}|~{3,})[ \t]*"
    r'(?:\{(?:[\w.][^{}\r\n":]{0,99}\}?)?|[a-z]\w{0,20}(?:[ \t]+(?:[^\W\d][^\r\n`]{0,99})?)?)?[ \t]*\r?',
    re.IGNORECASE,
)
_TAIL = re.compile(r"[\s\ufeff]*[`~]*[\s\ufeff]*$")
"""What may be the end of a fence, of which more is to come."""
_MOST_TAIL = 200
_END: Any = object()


def set_apart(answer: Answer, call: Call | None) -> Answer:
    """Return ``answer`` with thinking apart from the text, and without a fence where JSON was asked for."""
    pairs = TAGS if call is None else pairs_for(call.request)
    choices = tuple(_choice(choice, pairs, wants_json(call)) for choice in answer.choices)
    same = all(one is other for one, other in zip(choices, answer.choices, strict=True))
    return answer if same else answer.model_copy(update={"choices": choices})


def wants_json(call: Call | None) -> bool:
    """Whether a call asks for JSON."""
    return call is not None and call.request.json_mode is not None


def _choice(choice: Choice, pairs: Pairs, json: bool) -> Choice:
    message = choice.message
    if not isinstance(message.content, str):
        return choice
    told = read(message.content, message.reasoning or "", wants_json=json, pairs=pairs)
    if told.text == message.content:
        return choice
    changed = message.model_copy(update={"content": told.text or None, "reasoning": told.reasoning or None})
    return choice.model_copy(update={"message": changed})


class Apart:
    """Does the same to the chunks of a stream."""

    def __init__(self, call: Call | None) -> None:
        self._json = wants_json(call)
        self._pairs = TAGS if call is None else pairs_for(call.request)
        self._choices: dict[int, _Reading] = {}

    def take(self, chunks: Sequence[Chunk]) -> Sequence[Chunk]:
        """Return what is to be shown of the chunks."""
        return [self._shown(chunk) for chunk in chunks]

    def close(self) -> list[Chunk]:
        """Return what was held back, at the end of the stream."""
        found = ((index, reading.settle()) for index, reading in self._choices.items())
        return [Chunk(index=index, received=0, **told) for index, told in found if told]

    def _shown(self, chunk: Chunk) -> Chunk:
        if not (chunk.text or chunk.reasoning or chunk.finish_reason):
            return chunk
        reading = self._choices.get(chunk.index)
        if reading is not None and reading.is_plain and not (chunk.reasoning or chunk.finish_reason):
            reading.more(chunk.text)
            return chunk
        if reading is None:
            reading = self._choices[chunk.index] = _Reading(self._json, self._pairs)
        reasoning, text = reading.take(chunk.reasoning, chunk.text)
        told: dict[str, Any] = {"reasoning": reasoning, "text": text}
        if chunk.finish_reason:
            rest = reading.settle()
            told = {**rest, "reasoning": reasoning + rest.get("reasoning", ""), "text": text + rest.get("text", "")}
        if told == {"reasoning": chunk.reasoning, "text": chunk.text}:
            return chunk
        received = ESTIMATE.count(chunk.text + chunk.reasoning)
        return chunk.model_copy(update={**told, "received": received})


class ApartStream(AsyncIterator[Chunk]):
    """The chunks of a backend that does not do it itself."""

    def __init__(self, chunks: AsyncIterator[Chunk], call: Call) -> None:
        self._chunks = chunks
        self._apart = Apart(call)
        self._rest: Iterator[Chunk] | None = None

    @override
    async def __anext__(self) -> Chunk:
        if self._rest is None:
            chunk: Any = await anext(self._chunks, _END)
            if isinstance(chunk, Chunk):
                return self._apart.take([chunk])[0]
            if chunk is not _END:
                return cast("Chunk", chunk)  # What is no chunk is told of by whoever takes it.
            self._rest = iter(self._apart.close())
        if (held := next(self._rest, None)) is None:
            raise StopAsyncIteration
        return held


@dataclass(slots=True)
class _Reading:
    """One choice as it comes. ``held`` is what can't be judged yet."""

    json: bool
    pairs: Pairs
    raw: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    held: str = ""
    closing: str = ""
    """The tag that ends the thinking that is being read."""
    plain: bool = False
    """Whether the answer has begun, so that no tag counts any more."""
    fence: str = ""
    """What the fence around the answer is made of."""
    cut: bool = False
    """Whether something of the beginning was taken away."""
    settled: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the answer has begun, and no fence is around it: then text is shown as it comes."""
        return self.plain and not self.fence

    def more(self, text: str) -> None:
        """Note more of a plain text."""
        self.settled = False
        self.raw.append(text)
        self.text.append(text)

    def take(self, reasoning: str, text: str) -> tuple[str, str]:
        """Return what is to be shown of thinking that was told apart, and of a chunk of text."""
        self.settled = self.settled and not (reasoning or text)
        if reasoning:
            self.known.append(reasoning)
            self.reasoning.append(reasoning)
        if not text:
            return reasoning, ""
        if self.is_plain:
            self.more(text)
            return reasoning, text
        self.raw.append(text)
        thought, said = self._read(text)
        self.reasoning.append(thought)
        self.text.append(said)
        return reasoning + thought, said

    def settle(self) -> dict[str, str]:
        """Return what is still to be shown, or all of it where what was shown was not it."""
        if self.settled:
            return {}
        self.settled = True
        told = read("".join(self.raw), "".join(self.known), wants_json=self.json, pairs=self.pairs)
        found: dict[str, str] = {}
        for name, whole, shown in (("text", told.text, self.text), ("reasoning", told.reasoning, self.reasoning)):
            so_far = "".join(shown)
            if whole == so_far:
                continue
            if whole.startswith(so_far):
                found[name] = whole[len(so_far) :]
            else:
                found[f"{name}_in_all"] = whole
            shown[:] = [whole]
        self.held, self.plain, self.fence = "", True, ""
        return found

    def _read(self, text: str) -> tuple[str, str]:
        self.held += text
        thought = ""
        while not self.plain:
            if self.closing:
                more, over = self._think()
                thought += more
                if not over:
                    return thought, ""
            elif not self._begin():
                return thought, ""
        return thought, self._say()

    def _begin(self) -> bool:
        """Look at the beginning of what is held; return whether it is known what it is."""
        head = self.held.lstrip(BLANK)
        if (pair := opening_of(head, self.pairs)) is not None:
            self.cut, self.closing, self.held = True, pair[1], head[len(pair[0]) :]
            return True
        if closing := closing_of(head, self.pairs):
            self.cut, self.held = True, head[len(closing) :]
            return True
        if not head or may_be_tag(head, self.pairs):
            return False
        if self.json and _FENCE_BEGUN.fullmatch(head):
            return False
        if self.json and (found := _FENCE.match(head)):
            self.fence, self.held = found[1], head[found.end() :]
        elif self.cut:
            self.held = head
        self.plain = True
        return True

    def _think(self) -> tuple[str, bool]:
        """Return what is held of the thinking, and whether that is over."""
        end = find(self.held, self.closing)
        over = end >= 0
        if over:
            inner, self.held, self.closing = self.held[:end], self.held[end + len(self.closing) :], ""
        else:
            kept = _begun(self.held, self.closing)
            inner, self.held = self.held[: len(self.held) - kept], self.held[len(self.held) - kept :]
        if self.known:
            return "", over  # It may be the same again.
        begins = not inner.strip(BLANK)
        if begins and not over:
            self.held = inner + self.held
            return "", over
        shown = inner.strip(BLANK) if over else inner.rstrip(BLANK)
        if not over:
            self.held = inner[len(shown) :] + self.held
        if not any(self.reasoning):
            shown = shown.lstrip(BLANK)
        return shown, over

    def _say(self) -> str:
        """Return what is held of the answer; in a fence all but what may be its end."""
        said, self.held = self.held, ""
        if not self.fence:
            return said
        if tail := _TAIL.search(said, max(0, len(said) - _MOST_TAIL)):
            said, self.held = said[: tail.start()], said[tail.start() :]
        return said if any(self.text) else said.lstrip(BLANK)


def _begun(text: str, tag: str) -> int:
    """Return how many characters at the end of ``text`` may be the beginning of ``tag``."""
    low = text[-len(tag) :].lower()
    return next((size for size in range(min(len(low), len(tag) - 1), 0, -1) if low.endswith(tag[:size])), 0)
