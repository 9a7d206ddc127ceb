"""The gateways that are measured: how each is installed, configured as its makers recommend, and started.

Each is installed once, in a pinned version, into a folder of the user's cache; ours anew, from this checkout.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import platformdirs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLACE = platformdirs.user_cache_path("shunpike-benchmarks") / "gateways"
OURS = tuple(str(ROOT / part) for part in ("core", "plugins/openai", "plugins/gateway"))
LITELLM = "litellm[proxy]==1.106.2"
PORTKEY = ("@portkey-ai/gateway@1.15.2", "@hono/node-server@1.3.3")
"""The second is what Portkey needs for its streams not to answer 500."""
KEY = "sk-benchmark-of-gateways"
BURST, PACED = "gpt-6-luna", "gpt-6-sol"
"""Models of the upstream: all events at once, and one every 10 ms."""

OUR_SETTINGS = """\
allow_paid = true
store = "{store}"
budgets = [{{ amount = "1000", period = "day" }}]

[providers.openai]
key_env = "UPSTREAM_KEY"
base_url = "{base}"
options = {{ allow_http = true }}
limits = [
    {{ unit = "request", amount = 1000000000, per = "60s" }},
    {{ unit = "total_token", amount = 1000000000, per = "60s" }},
    {{ unit = "request", amount = 1000000000, per = "86400s" }},
]
"""
LITELLM_SETTINGS = """\
model_list:
  - model_name: gpt-6-luna
    litellm_params: {{ model: openai/gpt-6-luna, api_base: "{base}", api_key: {key} }}
  - model_name: gpt-6-sol
    litellm_params: {{ model: openai/gpt-6-sol, api_base: "{base}", api_key: {key} }}
general_settings: {{ master_key: {key} }}
litellm_settings: {{ telemetry: false, set_verbose: false }}
"""


@dataclass(frozen=True)
class Started:
    """What to ask, and how it was started."""

    command: Sequence[str]
    url: str
    headers: Mapping[str, str]
    environ: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    """What stands before the name of a model."""


class Peer(NamedTuple):
    """A gateway: installed by `install`, which raises where it can't be had, and started as `start` says."""

    name: str
    title: str
    install: Callable[[bool], None]
    start: Callable[[Path, str], Started]
    """(a folder of its own, the upstream's base URL) → how it is started."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def environment() -> dict[str, str]:
    """Return the variables of a measurement: none that names a key, a setting or a proxy."""
    kept = ("PATH", "TMPDIR", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _uv(*arguments: str | Path) -> None:
    subprocess.run([os.environ.get("UV") or shutil.which("uv") or "uv", *arguments], check=True, cwd=ROOT)


def _python(name: str, packages: Sequence[str], *, fresh: bool) -> None:
    folder = PLACE / name
    if fresh or not (folder / "bin").exists():
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, folder)
        _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin/python", *packages)


def _install_ours(fresh: bool) -> None:
    del fresh
    _python("ours", OURS, fresh=True)


def _install_litellm(fresh: bool) -> None:
    _python("litellm", [LITELLM], fresh=fresh)


def _install_portkey(fresh: bool) -> None:
    folder = PLACE / "portkey"
    if fresh or not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}", encoding="utf-8")
        npm = [shutil.which("npm") or "npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([*npm, *PORTKEY], check=True, cwd=folder)


def _ours(store: str) -> Callable[[Path, str], Started]:
    def start(folder: Path, base: str) -> Started:
        config = folder / "shunpike.toml"
        place = store.format(folder=folder)
        config.write_text(OUR_SETTINGS.format(base=base, store=place), encoding="utf-8")
        homes = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        environ = {**homes, "SHUNPIKE_CONFIG": str(config), "UPSTREAM_KEY": KEY}
        program, port = str(PLACE / "ours/bin/shunpike"), str(free_port())
        headers = {}
        if not place.startswith("memory:"):  # a client key is kept in the store, which other processes see
            made = subprocess.run(
                [program, "keys", "client", "create", "--name", "bench", "--json"],
                env={**environment(), **environ},
                capture_output=True,
                text=True,
                check=True,
            )
            headers = {"authorization": f"Bearer {json.loads(made.stdout)['key']}"}
        command = [program, "serve", "--port", port]
        return Started(command, f"http://127.0.0.1:{port}", headers, environ, "openai/")

    return start


def _litellm(folder: Path, base: str) -> Started:
    config = folder / "litellm.yaml"
    config.write_text(LITELLM_SETTINGS.format(base=base, key=KEY), encoding="utf-8")
    port = str(free_port())
    environ = {
        "HOME": str(folder),
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
    }
    command = [str(PLACE / "litellm/bin/litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", port]
    headers = {"authorization": f"Bearer {KEY}"}
    return Started([*command, "--num_workers", "1"], f"http://127.0.0.1:{port}", headers, environ)


def _portkey(folder: Path, base: str) -> Started:
    port = str(free_port())
    script = PLACE / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
    command = [shutil.which("node") or "node", str(script), f"--port={port}", "--headless"]
    headers = {"authorization": f"Bearer {KEY}", "x-portkey-provider": "openai", "x-portkey-custom-host": base}
    return Started(command, f"http://127.0.0.1:{port}", headers, {"HOME": str(folder), "NODE_ENV": "production"})


PEERS = (
    Peer("shunpike", "shunpike, ledger in SQLite", _install_ours, _ours("sqlite:{folder}/ledger.db")),
    Peer("shunpike-memory", "shunpike, ledger in memory", _install_ours, _ours("memory:")),
    Peer("litellm", "LiteLLM's proxy", _install_litellm, _litellm),
    Peer("portkey", "Portkey's gateway", _install_portkey, _portkey),
)
