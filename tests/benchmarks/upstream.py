"""A fake provider for measurements: it answers every chat request at once, always the same.

    python tests/benchmarks/upstream.py

prints its port and serves until its standard input ends. A request for a stream gets 104 events, all at once, or one
every 10 ms where it names the model ``gpt-6-sol``; what else is sent a whole answer. It is a bare protocol of asyncio,
so that it takes a small part of the time that any client takes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

CHUNKS = 100
PACED = b'"gpt-6-sol"'
"""What the body of a request holds whose events come one by one."""
PACE = 0.01
"""Seconds between two of them."""
WORD = "benchmark "
HEAD = {"id": "chatcmpl-8f2a61c0d4e94b7b", "created": 1_795_000_000, "model": "gpt-6-luna"}
USAGE = {
    "prompt_tokens": 31,
    "completion_tokens": CHUNKS,
    "total_tokens": 31 + CHUNKS,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
TEXT = "A shunpike is a side road that drivers take to get round the gate of a toll road. "
COMMON = "date: Sat, 28 Nov 2026 12:00:00 GMT\r\nx-request-id: req_6d7f1a\r\nopenai-processing-ms: 12\r\n"


def whole_answer() -> bytes:
    """Return an answer of one piece, as OpenAI writes it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT, "refusal": None}, "finish_reason": "stop"}
    answer = {**HEAD, "object": "chat.completion", "choices": [{**choice, "logprobs": None}], "usage": USAGE}
    body = json.dumps({**answer, "system_fingerprint": "fp_0a1b"}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{COMMON}\r\n"
    return head.encode() + body


def events() -> list[dict[str, Any]]:
    """Return the chunks of a streamed answer: the role, the words, the end, the usage."""
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": WORD}, None)] * CHUNKS
    deltas += [({}, "stop")]
    common = {**HEAD, "object": "chat.completion.chunk", "system_fingerprint": "fp_0a1b"}
    found: list[dict[str, Any]] = [
        {**common, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}], "usage": None}
        for delta, end in deltas
    ]
    return [*found, {**common, "choices": [], "usage": USAGE}]


def streamed_answer() -> list[bytes]:
    """Return the same as 104 events, the last of which says that it is done: with the head before, and the end."""
    lines = [f"data: {json.dumps(event)}\n\n" for event in events()] + ["data: [DONE]\n\n"]
    chunks = [b"%x\r\n%s\r\n" % (len(line), line.encode()) for line in lines]
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n{COMMON}\r\n"
    return [head.encode() + chunks[0], *chunks[1:-1], chunks[-1] + b"0\r\n\r\n"]


class Provider(asyncio.Protocol):
    """One connection."""

    whole = whole_answer()
    pieces = streamed_answer()
    streamed = b"".join(pieces)

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that has come whole."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            after = head.partition(b"content-length:")[2]
            until = end + 4 + (int(after.split(b"\r\n", 1)[0]) if after else 0)
            if len(self._read) < until:
                return
            body, self._read = self._read[end + 4 : until], self._read[until:]
            wants_stream = b'"stream":true' in body or b'"stream": true' in body
            if wants_stream and PACED in body:
                self._send(0, asyncio.get_running_loop().time())
            else:
                self._transport.write(self.streamed if wants_stream else self.whole)

    def _send(self, number: int, begun_mono: float) -> None:
        """Write one event, and see to the next."""
        self._transport.write(self.pieces[number])
        if number + 1 < len(self.pieces) and not self._transport.is_closing():
            due_mono = begun_mono + (number + 1) * PACE
            asyncio.get_running_loop().call_at(due_mono, self._send, number + 1, begun_mono)


async def serve() -> None:
    """Serve until whoever started this process goes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Provider, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
