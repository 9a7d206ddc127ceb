"""Runs the command line over one provider that answers by what it is asked. Started in a process of its own, on a
pseudo-terminal or not; what it was asked stands in ``asked.jsonl``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import anyio
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.cli.main import main
from shunpike.errors import BadAnswer
from shunpike.plugins import Host
from shunpike.types import Call, Chunk, Limit, Rolling, Scope, Unit, Usage
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

PAGE = Path("page.md").read_text() if Path("page.md").exists() else ""


@dataclass
class Talker(ScriptedBackend):
    """``count`` never ends, ``linger`` neither, and closes when a file called ``now`` is there; ``fail`` fails,
    ``late`` waits for that file, ``page`` sends ``page.md``.
    """

    steps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__([answer()])

    @override
    async def _play(self, chunks: Sequence[Chunk | Exception]) -> AsyncGenerator[Chunk, None]:
        said = self.calls[-1].request.messages
        asked = said[-1].text
        if asked == "count":
            for number in count():
                yield Chunk(text=f"word{number} ", model="m")
                await anyio.sleep(0.01)
        if asked == "linger":
            try:
                yield Chunk(text="word3 ", model="m")
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    Path("closing").touch()  # noqa: ASYNC240 - quick
                    while not os.path.exists("now"):  # noqa: ASYNC110, ASYNC240, PTH110 - as below
                        await anyio.sleep(0.01)
        if asked == "late":
            while not os.path.exists("now"):  # noqa: ASYNC110, ASYNC240, PTH110 - quick, and another process makes it
                await anyio.sleep(0.01)
        text = PAGE if asked == "page" else f"echo {asked!r} of {len(said)}"
        for place in range(0, len(text), 7):
            yield Chunk(text=text[place : place + 7], model="m")
            await anyio.lowlevel.checkpoint()
        yield Chunk(finish_reason="stop", usage=Usage(prompt_tokens=7, completion_tokens=3))

    @override
    def _next(self, call: Call) -> list[Chunk | Exception] | BadAnswer:  # type: ignore[override]  # narrower
        self.calls.append(call)
        messages = [one.model_dump(exclude_none=True) for one in call.request.messages]
        note = {"model": call.model, "messages": messages, "temperature": call.request.temperature}
        with Path("asked.jsonl").open("a") as file:
            file.write(json.dumps(note) + "\n")
        asked = call.request.messages[-1].text
        if asked == "fail" and not Path("well").exists():
            return BadAnswer("nothing came", provider="acme")
        return []


def load(disabled: Sequence[str] = ()) -> Host:
    del disabled
    pace = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60), scope=Scope.MODEL)
    provider = ScriptedProvider("acme", limits=[pace] if "SLOWLY" in os.environ else ())
    provider.models = (provider.model("m"), provider.model("mini"))
    provider.backend = Talker()
    host = Host()
    host.register(builtin, "builtin")
    host.register(provider, "acme")
    return host


if __name__ == "__main__":
    for name in os.environ.get("WITHOUT", "").split():
        sys.modules[name] = None  # type: ignore[assignment]  # as where it is not installed
    Host.load = load  # type: ignore[method-assign]  # a test's stand-in for what is installed
    sys.argv[0] = "shunpike"
    main()
