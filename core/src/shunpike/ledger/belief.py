"""What of a stated usage can be believed, beside what was visibly sent and delivered. Nothing is under-counted.

| what is stated                                         | read as                                                |
| ------------------------------------------------------ | ------------------------------------------------------ |
| nothing but zeros, beside an answer or a failure       | absent; beside an answer that is empty they are true   |
| no completion, or far too little, beside an answer     | absent: what was thought unseen can't be estimated     |
| no prompt, though one was sent                         | estimated: the prompt is our own count                 |
"""

from __future__ import annotations

from shunpike.protocols import Ask
from shunpike.types import ABSENT, Basis, Ending

VISIBLE = 256
"""Tokens of an answer, by our estimate, from which on its size can be compared with what is stated of it."""
LONGEST = 16
"""How many times our estimate, which is from above, may be what a provider counts."""


def believed(ending: Ending, ask: Ask) -> Ending:
    """Return ``ending`` with the usage that its provider stated, as far as it fits what was seen."""
    usage = ending.usage
    if usage.basis is Basis.ABSENT:
        return ending
    output = ending.delivered_tokens
    embedded = ask.max_output == 0 and ending.error is None and not ending.cancelled
    nothing = not usage.total_tokens and (output or embedded or ending.error is not None)
    if nothing or _too_little(usage.completion_tokens, output):
        return ending.model_copy(update={"usage": ABSENT})
    if not usage.prompt_tokens and usage.completion_tokens and ask.prompt_tokens:
        counted = {"prompt_tokens": ask.prompt_tokens, "basis": Basis.ESTIMATED}
        return ending.model_copy(update={"usage": usage.model_copy(update=counted)})
    return ending


def _too_little(stated: int, delivered: int) -> bool:
    return delivered > 0 and (stated == 0 or (delivered >= VISIBLE and stated * LONGEST < delivered))
