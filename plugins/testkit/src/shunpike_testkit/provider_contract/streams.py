"""Laws of streams: the pieces add up to the answer, and a stream that breaks says so."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.errors import Interrupted, Overloaded, ProviderError
from shunpike.types import Piece
from shunpike_testkit.provider_contract.basis import ProviderBasis
from shunpike_testkit.provider_contract.bench import (
    MARKERS,
    TEXTS,
    TOOLS,
    answer,
    calls,
    gathered,
    summary,
    tool_answer,
)
from shunpike_testkit.upstream import HangUp


class StreamLaws(ProviderBasis):
    """Only for a backend that streams."""

    @pytest.fixture
    def parts(self) -> list[str]:
        """The events of a whole streamed answer."""
        self.need("supports_streaming")
        parts = list(self.wire.parts(answer(), TEXTS))
        unsent = [text for text, marker in zip(TEXTS, MARKERS, strict=True) if not any(marker in p for p in parts)]
        assert not unsent, f"{type(self.wire).__name__}.parts must send each of its texts; {unsent} are missing"
        return parts

    async def test_a_streamed_answer_is_the_unary_one(self, parts: list[str]) -> None:
        """Text, finish reason, usage and model are the same."""
        async with self.bench(self.told("whole", answer()), self.streamed(*parts)) as bench:
            first, second = summary(await bench.ask("whole")), summary(await bench.ask("streamed"))
        different = {name: (first[name], second[name]) for name in first if first[name] != second[name]}
        assert not different, f"these differ between the unary and the streamed answer: {different}"

    async def test_streamed_tool_calls_are_the_unary_ones(self) -> None:
        """Fragments are put together by their index."""
        self.need("supports_streaming")
        self.need("supports_tools")
        async with self.bench(self.told("whole", tool_answer()), self.told("streamed", tool_answer())) as bench:
            call = bench.call(tools=TOOLS)
            first, second = calls(await bench.ask("whole", call)), calls(await bench.ask("streamed", call))
        assert first == second, f"tool calls differ: {first} unary, {second} streamed"

    async def test_the_text_comes_piece_by_piece(self, parts: list[str]) -> None:
        """A reader sees the first words before the last ones are written."""
        async with self.bench(self.streamed(*parts)) as bench:
            pieces = await bench.pieces(bench.call(), [])
        texts = [piece.text for piece in pieces if piece.text]
        assert len(texts) >= 2, f"the whole text came in one piece: yield a piece for each event, got {texts}"

    async def test_the_finish_reason_comes_once(self, parts: list[str]) -> None:
        """Whoever counts ends counts one."""
        async with self.bench(self.streamed(*parts)) as bench:
            pieces = await bench.pieces(bench.call(), [])
        found = [piece.finish_reason for piece in pieces if piece.finish_reason]
        assert found == ["stop"], f"expected one piece with the finish reason 'stop', got {found}"

    @pytest.mark.parametrize("size", [1, 7, 100_000])
    async def test_packets_do_not_matter(self, parts: list[str], size: int) -> None:
        """TCP cuts where it likes: inside a character, between CR and LF, or not at all."""
        data = "".join(parts).encode()
        packets = [data[start : start + size] for start in range(0, len(data), size)]
        async with self.bench(self.streamed(*packets)) as bench:
            found = await bench.ask("streamed")
        text = found.choices[0].message.text
        assert text == "".join(TEXTS), f"cut into packets of {size} bytes the text became {text!r}"

    @pytest.mark.parametrize("ending", ["closed", "hang-up"])
    async def test_a_cut_stream_is_interrupted(self, parts: list[str], ending: str) -> None:
        """What had come is delivered first; it must never look like a whole answer."""
        end = [HangUp()] if ending == "hang-up" else []
        last = next(place for place, part in enumerate(parts) if MARKERS[-1] in part)
        for place in range(last + 1):
            for rest in ("", parts[place][: len(parts[place]) // 2]):
                sent = [*parts[:place], *([rest] if rest else [])]
                error, got = await self._cut(*sent, *end)
                when = f"a stream cut ({ending}) after {place} events{' and a half' if rest else ''}"
                assert isinstance(error, Interrupted if got else (Interrupted, Overloaded)), (
                    f"{when} must raise Interrupted, not {type(error).__name__}: it had no end of its own"
                )
                told = [any(marker in part for part in sent[:place]) for marker in MARKERS]
                expected = "".join(text for text, came in zip(TEXTS, told, strict=True) if came)
                assert got == expected, f"{when} delivered {got!r} instead of {expected!r} before it raised"

    async def _cut(self, *sent: Any) -> tuple[ProviderError, str]:
        """Return the error of a stream that ends too early, and the text that came before."""
        found: list[Piece] = []
        async with self.bench(self.streamed(*sent)) as bench:
            try:
                await bench.pieces(bench.call(), found)
            except ProviderError as error:
                return error, "".join(piece.text for piece in found)
        raise AssertionError(
            f"a stream that stopped after {len(sent)} parts ended as if it were whole: {gathered(found, 'x')!r}; "
            "raise Interrupted unless the provider said that it is complete"
        )

    async def test_a_failure_inside_a_stream_is_raised(self, parts: list[str]) -> None:
        """Some providers tell it in the middle of a status of 200."""
        failed = self.wire.failed_part(503, "overloaded")
        if failed is None:
            pytest.skip("this wire has no failures inside a stream")
        await self._cut(failed)
        error, _ = await self._cut(*parts[: len(parts) // 2], failed)
        assert error.provider == self.info.id, "the error must name the provider"
