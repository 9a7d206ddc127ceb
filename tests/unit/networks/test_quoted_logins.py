"""What lies between quotes the headers that it got, the login for the proxy among them: it is shown to nobody."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typing_extensions import override

from shunpike.errors import Exhausted

from .conftest import Vendor

LOGIN = "user:secret-0123"
SENT = b64encode(LOGIN.encode()).decode()


class Quoting(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        told = json.dumps({"error": {"message": f"no way for {self.requestline} {self.headers}"}}).encode()
        self.server.heads.append(str(self.headers))  # type: ignore[attr-defined]
        self.send_response(500)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Quoting)
    server.heads = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


async def test_a_login_that_a_proxy_quotes_as_it_travelled_is_masked(
    client_of: Any, proxy: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{LOGIN}@127.0.0.1:{proxy.server_port}")
    sections = {"acme": {"options": {"allow_http": True}}}
    async with client_of(Vendor("acme", "http://provider.test/v1", paid=False), sections=sections) as client:
        with pytest.raises(Exhausted) as raised:
            await client.complete("hi", timeout=5)
        (row,) = await client.status()
    assert SENT in proxy.heads[0]  # type: ignore[attr-defined]
    said = f"{raised.value} {vars(raised.value)!r} {row!r}"
    assert "no way for" in said
    assert SENT not in said
    assert "secret-0123" not in said
