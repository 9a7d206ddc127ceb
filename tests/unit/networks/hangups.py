"""Providers on loopback that are cut, stall or drip, and the client that asks them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.types import Settings
from shunpike_testkit.upstream import Upstream, events

PATH = "/chat/completions"


def delta(content: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    said = {"role": "assistant"} if content is None and finish is None else {"content": content} if content else {}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": said, "finish_reason": finish}], **more}


USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
WORDS = ["one ", "two ", "three "]
ROWS = [delta(), *map(delta, WORDS), delta(finish="stop", usage=USAGE)]
EVENTS = events(*ROWS)
BODY = "".join(EVENTS)


def client(*upstreams: Upstream, **settings: Any) -> Client:
    """Return a client of these, the first first, each with one model, on this machine's own time."""
    host = Host()
    host.register(builtin, "builtin")
    host.register(import_module("shunpike_openai").plugin, "openai")
    timeouts = settings.pop("timeouts", {})
    sections = {
        f"p{place}": {
            "plugin": "openai",
            "base_url": one.base_url,
            "price": "free",
            "models": ["m"],
            "timeouts": timeouts,
            "order": place,
        }
        for place, one in enumerate(upstreams)
    }
    made = Settings.model_validate({"store": "memory:", "providers": sections, **settings})
    return Client(made, host=host, environ={})
