"""Laws of connections: they are shared, closed when nobody waits any more, and let go of at the end."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from shunpike.errors import AuthError
from shunpike.protocols import Streams
from shunpike_testkit import upstream as scripted
from shunpike_testkit.contract import ONE_LOOP
from shunpike_testkit.provider_contract.basis import ProviderBasis
from shunpike_testkit.provider_contract.bench import TEXTS, Bench, answer

CALLS = 100


class ConnectionLaws(ProviderBasis):
    """One backend, one pool; cancellation reaches the network."""

    @ONE_LOOP
    async def test_a_hundred_calls_at_once_share_one_pool(self) -> None:
        """All are answered, and afterwards connections are used again."""
        async with self.bench(self.told("whole", answer())) as bench:
            texts: list[str] = []
            async with anyio.create_task_group() as group:
                for _ in range(CALLS):
                    group.start_soon(_ask, bench, "whole", texts)
            assert texts == ["".join(TEXTS)] * CALLS, f"of {CALLS} calls at once {CALLS - len(texts)} were not answered"
            opened = bench.upstream.connections
            assert opened <= CALLS, f"{CALLS} calls opened {opened} connections"
            await _ask(bench, "whole", texts)
            assert bench.upstream.connections == opened, (
                f"after {CALLS} calls the next one opened a connection: make one HTTP client per backend and keep it"
            )

    async def test_a_connection_is_used_again(self, way: str) -> None:
        """One call after the other needs one connection."""
        async with self.bench(self.told(way, answer())) as bench:
            for _ in range(4):
                await bench.ask(way)
            opened = bench.upstream.connections
        assert opened == 1, (
            f"{way}: 4 calls, one after the other, opened {opened} connections: keep one HTTP client per backend, and "
            "read a stream to its end before it is closed"
        )

    @pytest.mark.parametrize("where", ["before the head", "in the answer"])
    async def test_cancellation_closes_the_connection(self, way: str, where: str) -> None:
        """A provider that nobody listens to must not go on generating; the backend can be used again."""
        async with self.bench(self.stalled(way, where), self.told(way, answer())) as bench:
            async with anyio.create_task_group() as group:
                group.start_soon(bench.ask, way)
                await bench.upstream.received(1)
                await _settled()
                group.cancel_scope.cancel()
            await _closed(bench, f"{way}, cancelled {where}")
            found = await bench.ask(way)
            text = found.choices[0].message.text
        assert text == "".join(TEXTS), f"{way}: after a cancelled call the next one was answered with {text!r}"

    async def test_a_stream_that_is_left_early_closes_the_connection(self) -> None:
        """Leaving the context is all that the reader has to do."""
        self.need("supports_streaming")
        async with self.bench(self.stalled("streamed", "in the answer"), self.told("streamed", answer())) as bench:
            backend = bench.backend
            assert isinstance(backend, Streams), "supports_streaming is True but the backend has no `stream`"
            async with backend.stream(bench.call()) as chunks:
                async for chunk in chunks:
                    if chunk.text:
                        break
            await _closed(bench, "a stream that was left after its first piece")
            await bench.ask("streamed")

    async def test_closing_twice_does_nothing(self, way: str) -> None:
        """``aclose`` may be called by more than one owner, before the first use and after the last."""
        async with self.bench(self.told(way, answer())) as bench:
            unused = self.make_backend(bench.upstream.base_url)
            for backend in (unused, bench.backend):
                if backend is bench.backend:
                    await bench.ask(way)
                try:
                    await backend.aclose()
                    await backend.aclose()
                except Exception as error:
                    raise AssertionError(f"aclose raised {error!r}: closing twice must do nothing") from error
            await _closed(bench, "aclose")

    @ONE_LOOP
    async def test_the_models_are_listed(self) -> None:
        """By their ids, in any order, and a bad key says so."""
        self.need("supports_model_list")
        listed = self.wire.models(["model-a", "model-b"])
        if listed is None:
            pytest.skip("this wire has no list of models")
        path, body = listed
        async with self.bench(self.refusal(500)) as bench:
            bench.upstream.on(self.wire.base_path + path, scripted.reply(body), self.refusal(401))
            backend: Any = bench.backend
            found = await backend.list_models()
            assert sorted(found) == ["model-a", "model-b"], f"list_models() answered {found!r}, expected the two ids"
            settings = self.settings(bench.upstream.base_url + self.wire.base_path)
            probe = self.hooks.shunpike_health(provider=self.info.id, settings=settings)
            if probe is not None:
                await _refused(probe)


async def _refused(probe: Any) -> None:
    error: Exception | None = None
    try:
        await probe.check()
    except Exception as found:  # noqa: BLE001 - a probe under test may raise anything
        error = found
    finally:
        await probe.aclose()
        await probe.aclose()
    assert isinstance(error, AuthError), f"the probe must raise AuthError for a bad key, not {error!r}"


async def _ask(bench: Bench, way: str, texts: list[str]) -> None:
    found = await bench.ask(way)
    texts.append(found.choices[0].message.text)


async def _settled() -> None:
    """Let what has arrived be read."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def _closed(bench: Bench, when: str) -> None:
    closed = False
    with anyio.move_on_after(5):
        await bench.upstream.idle()
        closed = True
    assert closed, f"{when}: the connection stayed open: close the response when cancellation passes by"
