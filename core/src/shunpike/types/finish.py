"""How an answer ends, in the common words."""

from __future__ import annotations

from shunpike.errors import BadAnswer
from shunpike.types.bill import Bill


def no_choice(provider: str, model: str, bill: Bill | None = None) -> BadAnswer:
    """Return the failure of an answer without any choice; ``bill`` is what was stated beside it."""
    error = BadAnswer(f"{provider}/{model}: the answer holds no choice", provider=provider, model=model)
    error.bill = bill
    return error


def finish_reason(told: str | None, *, has_tools: bool, cut: bool = False) -> str:
    """Return our word for the end: whoever asks for tools has not stopped, whatever the provider calls it.

    ``cut`` decides where no known reason was told.
    """
    if told is None and cut:
        return "length"
    if told is None or (told == "stop" and has_tools):
        return "tool_calls" if has_tools else "stop"
    return told


def whole_arguments(text: str, told: str) -> str:
    """Return the arguments of a finished call: none at all means none are needed, unless the answer was cut off."""
    return text if text.strip() not in ("", "null") or told == "length" else "{}"
