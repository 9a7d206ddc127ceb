"""Laws of streams: the chunks add up to the answer, and a stream that breaks says so."""

from __future__ import annotations

import pytest

from shunpike.errors import Interrupted, Overloaded, ProviderError
from shunpike.types import Chunk
from shunpike_testkit.contract import ONE_LOOP
from shunpike_testkit.provider_contract.basis import ProviderBasis
from shunpike_testkit.provider_contract.bench import (
    MARKERS,
    TEXTS,
    TOOLS,
    Bench,
    answer,
    calls,
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

    @ONE_LOOP
    async def test_streamed_tool_calls_are_the_unary_ones(self) -> None:
        """Fragments are put together by their index."""
        self.need("supports_streaming")
        self.need("supports_tools")
        async with self.bench(self.told("whole", tool_answer()), self.told("streamed", tool_answer())) as bench:
            call = bench.call(tools=TOOLS)
            first, second = calls(await bench.ask("whole", call)), calls(await bench.ask("streamed", call))
        assert first == second, f"tool calls differ: {first} unary, {second} streamed"

    @ONE_LOOP
    async def test_the_text_comes_chunk_by_chunk(self, parts: list[str]) -> None:
        """A reader sees the first words before the last ones are written."""
        async with self.bench(self.streamed(*parts)) as bench:
            chunks = await bench.chunks(bench.call(), [])
        texts = [chunk.text for chunk in chunks if chunk.text]
        assert len(texts) >= 2, f"the whole text came in one piece: yield a piece for each event, got {texts}"

    @ONE_LOOP
    async def test_the_finish_reason_comes_once(self, parts: list[str]) -> None:
        """Whoever counts ends counts one."""
        async with self.bench(self.streamed(*parts)) as bench:
            chunks = await bench.chunks(bench.call(), [])
        found = [chunk.finish_reason for chunk in chunks if chunk.finish_reason]
        assert found == ["stop"], f"expected one piece with the finish reason 'stop', got {found}"

    @pytest.mark.parametrize("size", [5, 100_000])
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
        last = next(place for place, part in enumerate(parts) if MARKERS[-1] in part)
        cuts = [(parts[:place], rest) for place in range(last + 1) for rest in ("", _half(parts[place]))]
        end = [HangUp()] if ending == "hang-up" else []
        scripts = [self.streamed(*sent, *filter(None, [rest]), *end) for sent, rest in cuts]
        async with self.bench(*scripts) as bench:
            for sent, rest in cuts:
                when = f"a stream cut ({ending}) after {len(sent)} events{' and a half' if rest else ''}"
                error, got = await _broken(bench, when)
                assert isinstance(error, Interrupted if got else (Interrupted, Overloaded)), (
                    f"{when} must raise Interrupted, not {type(error).__name__}: it had no end of its own"
                )
                told = [any(marker in part for part in sent) for marker in MARKERS]
                expected = "".join(text for text, came in zip(TEXTS, told, strict=True) if came)
                assert got == expected, f"{when} delivered {got!r} instead of {expected!r} before it raised"

    async def test_a_failure_inside_a_stream_is_raised(self, parts: list[str]) -> None:
        """Some providers tell it in the middle of a status of 200."""
        failed = self.wire.failed_part(503, "overloaded")
        if failed is None:
            pytest.skip("this wire has no failures inside a stream")
        begun = self.streamed(*parts[: len(parts) // 2], failed)
        async with self.bench(self.streamed(failed), begun) as bench:
            for when in ("a failure at the beginning of a stream", "a failure in the middle of a stream"):
                error, _ = await _broken(bench, when)
                assert error.provider == self.info.id, f"{when}: the error must name the provider"


def _half(part: str) -> str:
    return part[: len(part) // 2]


async def _broken(bench: Bench, when: str) -> tuple[ProviderError, str]:
    """Return the error of a stream that ends too early, and the text that came before."""
    found: list[Chunk] = []
    try:
        await bench.chunks(bench.call(), found)
    except ProviderError as error:
        return error, "".join(chunk.text for chunk in found)
    text = "".join(chunk.text for chunk in found)
    raise AssertionError(
        f"{when} ended with {text!r} as if it were whole: raise Interrupted unless the provider told its end"
    )
