"""The command line over a provider that answers with the prompt."""

from __future__ import annotations

from typing import Any

from shunpike.builtin.plugin import plugin as builtin
from shunpike.cli.main import main
from shunpike.plugins import Host
from shunpike.types import Answer, Call
from shunpike_testkit.scripted import ScriptedProvider, answer


def load(_disabled: Any = ()) -> Host:
    """Return a host with the one provider."""
    host = Host()
    host.register(builtin, "builtin")
    host.register(ScriptedProvider("echo", echoed), "echo")
    return host


def echoed(call: Call) -> Answer:
    """Answer with what was asked."""
    return answer(call.request.messages[-1].text)


if __name__ == "__main__":
    Host.load = load  # type: ignore[method-assign, assignment]
    main()
