"""A folder from a stranger, end to end: nothing of the user's reaches the stranger's server before it is trusted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shunpike.types import ProviderSettings

SECRETS = {
    "GROQ_API_KEY": "gsk_of_the_user_0123456789",
    "AWS_SECRET_ACCESS_KEY": "aws-secret-of-the-user",
    "GITHUB_TOKEN": "ghp_of_the_user_0123456789",
}
PROXY = [f"proxy = {json.dumps('{evil}')}"] if "proxy" in ProviderSettings.model_fields else []


class Server:
    """An endpoint that speaks chat completions, and keeps every byte of what it was sent."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self, told: dict[str, Any]) -> None:
                body = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_CONNECT(self) -> None:
                outer.seen.append(f"{self.requestline}\n{self.headers}")
                self.send_error(502)

            def do_GET(self) -> None:
                outer.seen.append(f"{self.requestline}\n{self.headers}")
                rows = [{"id": name, "object": "model"} for name in ("home-1", "home-embed")]
                self._answer({"object": "list", "data": rows})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                outer.seen.append(f"{self.requestline}\n{self.headers}{body}")
                usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
                if "embeddings" in self.path:
                    row = {"object": "embedding", "index": 0, "embedding": [0.5]}
                    self._answer({"object": "list", "model": "home-embed", "data": [row], "usage": usage})
                    return
                model = json.loads(body)["model"]
                said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "well"}}
                done = {"id": "x", "object": "chat.completion", "model": model, "choices": [said], "usage": usage}
                if not json.loads(body).get("stream"):
                    self._answer(done)
                    return
                chunk = {**done, "object": "chat.completion.chunk", "choices": [{**said, "delta": said["message"]}]}
                stream = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("content-length", str(len(stream)))
                self.end_headers()
                self.wfile.write(stream)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def evil() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def well() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path: Path, evil: Server, well: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stranger's folder; what the user has set up stands in the user's own file."""
    own = tmp_path / "own.toml"
    own.write_text(
        f"""[providers.groq]
base_url = "{well.url}"
[providers.home]
plugin = "openai"
base_url = "{well.url}"
price = "free"
models = ["home-1", "home-embed"]
"""
    )
    monkeypatch.setenv("SHUNPIKE_CONFIG", str(own))
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "cloned"
    folder.mkdir()
    proxy = "\n".join(PROXY).replace("{evil}", evil.url.removesuffix("/v1"))
    (folder / "shunpike.toml").write_text(
        f"""allow_paid = true
budgets = [{{ amount = "1000.00", period = "day" }}]
store = "sqlite:{folder}/books.db"
order = ["thief", "groq"]
[providers.groq]
base_url = "{evil.url}"
headers = {{ x-steal = "yes" }}
options = {{ extra = 1 }}
key_env = "AWS_SECRET_ACCESS_KEY"
{proxy}
[providers.home]
base_url = "{evil.url}"
key_env = "GITHUB_TOKEN"
{proxy}
[providers.thief]
plugin = "openai"
base_url = "{evil.url}"
price = "free"
key_env = "GITHUB_TOKEN"
models = ["home-1"]
"""
    )
    return folder


def run(folder: Path, *command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=dict(os.environ),
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SHUNPIKE = ("-m", "shunpike")
ASK = "import shunpike; print(shunpike.ask('hi').text)"
CLIENT = """
import anyio, shunpike
async def main():
    for _ in range(2):
        async with shunpike.Client() as client:
            print((await client.complete('hi', model='home/home-1')).text)
            print((await client.embed('hi', model='home/home-embed')).vectors)
            print(len(await client.live_models()))
anyio.run(main)
"""
STREAM = "import shunpike; print(''.join(map(str, shunpike.stream_sync('hi'))))"
COMMANDS = {
    "ask": (*SHUNPIKE, "ask", "hi"),
    "ask quietly": (*SHUNPIKE, "-q", "hi"),
    "ask home": (*SHUNPIKE, "ask", "hi", "-m", "home/auto"),
    "chat": (*SHUNPIKE, "chat"),
    "embed": (*SHUNPIKE, "embed", "hi", "-m", "home/home-embed"),
    "doctor": (*SHUNPIKE, "doctor", "--online"),
    "models": (*SHUNPIKE, "models", "--live"),
    "balance": (*SHUNPIKE, "balance"),
    "keys": (*SHUNPIKE, "keys", "set", "groq", "--key-stdin"),
    "python ask": ("-c", ASK),
    "python client": ("-c", CLIENT),
    "python stream": ("-c", STREAM),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_reaches_a_strangers_server_and_one_warning_says_why(
    name: str, folder: Path, evil: Server, well: Server
) -> None:
    done = run(folder, *COMMANDS[name], typed="another_key_of_the_user\n" if name == "keys" else "hi\n")
    assert done.returncode == 0, done.stderr
    assert evil.seen == []
    assert well.seen or name == "balance", "the user's own set-up answers"
    stolen = [value for key, value in SECRETS.items() if key != "GROQ_API_KEY" and value in "".join(well.seen)]
    assert not stolen
    assert "x-steal" not in "".join(well.seen)
    assert done.stderr.count("is not trusted") == 1
    warning = next(line for line in done.stderr.splitlines() if "is not trusted" in line)
    assert "shunpike trust" in warning
    for setting in ("allow_paid", "budgets", "store", "base_url", "headers", "options", "plugin", "key_env"):
        assert setting in warning
    assert not PROXY or "proxy" in warning
    assert not any(value in done.stdout + done.stderr for value in SECRETS.values())
    assert not (folder / "books.db").exists()


@pytest.mark.slow
def test_the_demo_reads_no_file_of_the_folder(folder: Path, evil: Server) -> None:
    done = run(folder, *SHUNPIKE, "demo", "--requests", "5", "--faults", "0")
    assert (done.returncode, evil.seen) == (0, []), done.stderr


@pytest.mark.slow
def test_a_trusted_folder_works_until_a_byte_of_it_changes(folder: Path, evil: Server, well: Server) -> None:
    file = folder / "shunpike.toml"
    if PROXY:  # it would go through the stranger's server, which is no proxy
        file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("proxy")))
    assert run(folder, *SHUNPIKE, "ask", "hi", "-m", "thief/home-1").returncode == 2
    assert run(folder, *SHUNPIKE, "trust").returncode == 0
    done = run(folder, *SHUNPIKE, "ask", "hi", "-m", "thief/home-1")
    assert (done.returncode, done.stdout.strip()) == (0, "well"), done.stderr
    assert "is not trusted" not in done.stderr
    assert SECRETS["GITHUB_TOKEN"] in evil.seen[-1]
    assert (folder / "books.db").exists()
    evil.seen.clear()
    file.write_text(file.read_text() + "#")
    done = run(folder, *SHUNPIKE, "ask", "hi")
    assert (done.returncode, evil.seen) == (0, [])
    assert "has changed since it was trusted" in done.stderr
    assert well.seen
