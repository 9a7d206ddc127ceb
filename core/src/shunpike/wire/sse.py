"""Server-sent events, byte by byte: any way of cutting the bytes gives the same events."""

from __future__ import annotations

from typing import NamedTuple

from shunpike.errors import Overloaded

BOM = b"\xef\xbb\xbf"
MAX_STRAY = 1024
"""Lines, and bytes of each, that are kept though they belong to no event."""
MAX_EVENT = 8 * 1024 * 1024
"""Bytes of one event. The largest recorded one has some tens of thousands."""


class ServerSentEvent(NamedTuple):
    """One event. ``event`` is empty where the sender gave it no name; ``data`` joins its lines with a line feed."""

    event: str
    data: str
    id: str | None = None


class EventParser:
    """Turns bytes into events as they come.

    Lines may end in LF, CR or CRLF; comments are skipped; an event without data is none. Other than a browser, `close`
    gives out an event that the end of the stream cut off before its blank line: some providers forget that line.
    ``stray`` collects lines that no sender of events writes: a failure may stand there as plain JSON.
    """

    def __init__(self, *, provider: str = "", max_event: int = MAX_EVENT) -> None:
        self._provider = provider
        self._max = max_event
        self._tail: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._begun = False
        self._data: list[bytes] = []
        self._event = b""
        self._id: str | None = None
        self._stray: list[bytes] = []

    @property
    def stray(self) -> str:
        """The lines that are no part of any event, joined; as a rule there are none."""
        return str(b"\n".join(self._stray), "utf-8", "replace")

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events that ``data`` completes. Raises `Overloaded` (malformed) for an event beyond all bounds."""
        if data.startswith(b"data: {") and data.endswith(b"\n\n") and (found := self._whole(data)):
            return found
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            # A line ends at once with its CR; the LF that may follow is skipped when it comes.
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        head, newline, rest = data.rpartition(b"\n")
        if newline:
            self._tail.append(head)
            lines = b"".join(self._tail).split(b"\n")
            self._tail = []
            found = self._lines(lines)
        else:
            found = []
        if rest:
            self._tail.append(rest)
            self._grow(len(rest))
        return found

    def _whole(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events of bytes that hold nothing but whole ones of one line each; none where that is not so."""
        if self._tail or self._data or self._event or self._after_cr or b"\r" in data or len(data) > self._max:
            return []
        blocks = data[:-2].split(b"\n\n")
        if data.count(b"\n") != 2 * len(blocks) or not all(block.startswith(b"data: ") for block in blocks):
            return []
        self._begun = True
        return [ServerSentEvent("", str(block[6:], "utf-8", "replace"), self._id) for block in blocks]

    def close(self) -> list[ServerSentEvent]:
        """Return the event that was cut off by the end, if any."""
        tail, self._tail = b"".join(self._tail), []
        found = self._lines([tail]) if tail else []
        if self._data:
            found.append(self._made())
        return found

    def _lines(self, lines: list[bytes]) -> list[ServerSentEvent]:
        if not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(BOM)
        self._size = sum(map(len, self._data))
        found = []
        for line in lines:
            if not line:
                if self._data:
                    found.append(self._made())
                self._event = b""
                self._size = 0
            elif line.startswith(b"data:"):
                self._grow(len(line))
                self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line.startswith(b":"):
                self._field(line)
        # What belongs to an event that is not complete yet counts towards its size; all else is gone.
        self._size = sum(map(len, self._data))
        return found

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value
        elif name == b"id" and b"\0" not in value:
            self._id = str(value, "utf-8", "replace")
        elif name not in (b"id", b"retry") and len(self._stray) < MAX_STRAY:
            self._stray.append(line[:MAX_STRAY])

    def _made(self) -> ServerSentEvent:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data = []
        return ServerSentEvent(str(self._event, "utf-8", "replace"), str(data, "utf-8", "replace"), self._id)

    def _grow(self, by: int) -> None:
        self._size += by
        if self._size > self._max:
            raise Overloaded(
                f"{self._provider}: an event of the stream is larger than {self._max} bytes",
                provider=self._provider,
                kind="malformed",
            )
