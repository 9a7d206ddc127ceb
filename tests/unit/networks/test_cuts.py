"""A stream that is cut at any byte: before its first content nobody sees it, after it nothing comes twice."""

from __future__ import annotations

import pytest

from shunpike.errors import Interrupted
from shunpike_testkit.upstream import HangUp, Upstream, stream

from .hangups import BODY, EVENTS, PATH, WORDS, client

CUTS = sorted({len(BODY) * number // 100 for number in range(100)})


def arrived(cut: int) -> list[int]:
    """Return the numbers of the events that had arrived whole."""
    ends = [sum(map(len, EVENTS[: number + 1])) for number in range(len(EVENTS))]
    return [number for number, end in enumerate(ends) if end <= cut]


@pytest.mark.parametrize("part", range(4))
async def test_a_hundred_cuts(part: int) -> None:
    """F4: where content was shown it ends with an error and is not asked for again; else another answers unseen."""
    seen = {"before": 0, "after": 0, "whole": 0}
    for cut in CUTS[part::4]:
        async with Upstream() as sick, Upstream() as well:
            sick.on(PATH, stream([BODY[:cut], HangUp()] if cut else [HangUp()]))
            well.on(PATH, stream(EVENTS))
            text, broke = "", False
            async with client(sick, well) as asked, asked.stream("hi", model="m") as answer:
                try:
                    async for chunk in answer:
                        text += chunk.text
                except Interrupted:
                    broke = True
            whole, others = arrived(cut), sum(one.path == PATH for one in well.requests)
            words = "".join(word for number, word in enumerate(WORDS, 1) if number in whole)
            if not words:
                seen["before"] += 1
                assert (text, broke, others) == ("".join(WORDS), False, 1), cut
            else:
                ended = len(WORDS) + 1 in whole
                seen["whole" if ended else "after"] += 1
                assert (text, broke, others) == (words, not ended, 0), cut
    assert min(seen["before"], seen["after"]) >= 5, seen
