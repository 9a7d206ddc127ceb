"""Conversations stay where their prompts are cached, also where one of three equal accounts fails for a while."""

from __future__ import annotations

import anyio
import pytest

from .conversations import ACCOUNTS, FAILING, HEAD, TURNS, talk_all

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""


def test_conversations_stay_warm_and_move_once_for_a_failure() -> None:
    """Beside it the same without affinity: each turn is shared out by itself."""
    warm = anyio.run(lambda: talk_all("on", affinity=True))
    cold = anyio.run(lambda: talk_all("off", affinity=False, talks=20))
    print(f"\n{HEAD}\n{warm.row()}\n{cold.row()}")
    assert warm.later_turns == 200 * (TURNS - 1)
    assert warm.warm >= 0.90
    assert warm.cached >= 0.80
    assert all(len(talk.moves) <= 1 for talk in warm.talks)
    moves = [move for talk in warm.talks for move in talk.moves]
    assert {before for before, _ in moves} == {FAILING}
    # Those of the one that failed are spread over the others, and new ones over all.
    assert {after for _, after in moves} == set(ACCOUNTS) - {FAILING}
    assert {talk.answered_by[0] for talk in warm.talks} == set(ACCOUNTS)
    assert cold.warm < 0.5
    assert cold.cached < warm.cached - 0.1
    assert cold.counted_a_turn > 1.3 * warm.counted_a_turn
