"""One server on loopback for every way of being out of order: the first part of the path says which."""

from __future__ import annotations

import json
import socketserver
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Self

from typing_extensions import override

CHUNKS = (
    {"model": "m", "choices": [{"index": 0, "delta": {"content": "well"}, "finish_reason": None}]},
    {
        "model": "m",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
    },
)
WELL = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS) + "data: [DONE]\n\n"
HALF = '{"choices": [{"index": 0, "message": {"role": "assist'


class _Handler(BaseHTTPRequestHandler):
    server: SickServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        what = self.path.split("/")[1]
        if what == "stall":
            self.server.over.wait(30)
        elif what.isdigit():
            self._say(int(what), "application/json", '{"error": {"message": "out of order"}}')
        elif what == "half":
            self._say(200, "application/json", HALF)
        elif what == "well":
            self._say(200, "text/event-stream", WELL)
        elif what == "endless":
            self._go_on()
        # And who hangs up says nothing.

    do_GET = do_POST  # noqa: N815 - the base class's name

    def _go_on(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        with suppress(OSError):
            while not self.server.over.wait(0.1):
                self.wfile.write(f"data: {json.dumps(CHUNKS[0])}\n\n".encode())

    def _say(self, status: int, kind: str, body: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


class SickServer(socketserver.ThreadingTCPServer):
    """Use it as a context; ``port`` is where it listens."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.over = threading.Event()
        self.port = int(self.server_address[1])
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    @override
    def __enter__(self) -> Self:
        self._thread.start()
        return self

    @override
    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, as one does that speaks TLS, is no error here."""
