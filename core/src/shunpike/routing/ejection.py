"""How many may be left out for a suspicion: never more than half of those that could answer, while the rest answers.

Else those that are left would get all that was meant for many. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping


def is_spared(name: str, suspected: Mapping[str, float], others_answer: bool, of: int) -> bool:
    """Return whether ``name``, which is suspected, is to be asked all the same.

    Args:
        suspected: Name → until when it is left out, of all that are.
        others_answer: Whether anybody who is not left out is known to answer.
        of: How many there are in all.

    """
    most = of // 2
    if not others_answer or len(suspected) <= most:
        return False
    worst = sorted(suspected, key=lambda one: (-suspected[one], one))[:most]
    return name not in worst
