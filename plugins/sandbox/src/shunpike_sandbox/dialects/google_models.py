"""What the families of Gemini models take and do not take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shunpike_sandbox.catalog import Model
from shunpike_sandbox.refusals import Problem

_NO_MINIMAL = ("gemini-3.8-flash", "gemini-3.7-flash", "gemini-3-pro", "gemini-3.1-pro", "gemini-4")
_LEVELS = ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH")
_BUDGETS = {
    "gemini-2.5-flash-lite": (512, 24576),
    "gemini-2.5-flash": (0, 24576),
    "gemini-2.5-pro": (128, 32768),
}
"""Smallest and largest budget of the generation that counts its thoughts in tokens; 0 and -1 stand apart."""


def older(model: Model) -> bool:
    """Tell whether a model is from before Gemini 3: no ids of calls, no signatures wanted back."""
    return model.id.startswith(("gemini-2", "gemini-1", "gemma"))


def check_thinking(thinking: Mapping[str, Any], model: Model) -> None:
    """Refuse a way of thinking that the model does not know."""
    budget, level = thinking.get("thinkingBudget"), thinking.get("thinkingLevel")
    if budget is not None and level is not None:
        raise _no("You can only set only one of thinking budget and thinking level.")
    if level is not None:
        _level(str(level).upper(), model)
    if budget is not None:
        _budget(budget, model)


def _level(level: str, model: Model) -> None:
    if level not in _LEVELS:
        what = (
            "Invalid value at 'generation_config.thinking_config.thinking_level' "
            "(type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel), "
            f'"{level}"'
        )
        raise Problem("type", "", what)
    if older(model):
        raise _no("Thinking level is not supported for this model.")
    if level == "MINIMAL" and model.id.startswith(_NO_MINIMAL):
        raise _no("Thinking level MINIMAL is not supported for this model. Please retry with other thinking level.")


def _budget(budget: float, model: Model) -> None:
    if not model.can("reasoning"):
        raise _no("Thinking budget is not supported for this model.")
    if budget == 0 and "-pro" in model.id:
        raise _no("Budget 0 is invalid. This model only works in thinking mode.")
    low, high = next((bounds for start, bounds in _BUDGETS.items() if model.id.startswith(start)), (0, 65536))
    if budget not in (-1, 0) and not low <= budget <= high:
        raise _no(f"The thinking budget {budget} is invalid. Please choose a value between {low} and {high}.")


def check_config(config: Mapping[str, Any], model: Model) -> None:
    """Refuse settings of an answer that the model does not know."""
    for name in ("presencePenalty", "frequencyPenalty"):
        if config.get(name) and not older(model):
            raise _no(f"Penalty is not enabled for models/{model.id}")
    if (config.get("candidateCount") or 1) > 1 and not older(model):
        raise _no("Multiple candidates is not enabled for this model")
    asked = [str(one).upper() for one in config.get("responseModalities", ())]
    if any(one != "TEXT" for one in asked):
        told = ", ".join(asked)
        raise _no(
            f"The requested combination of response modalities ({told}) is not supported by the model. "
            f"models/{model.id} accepts the following combination of response modalities:\n* TEXT\n"
        )


def check_together(tools: Sequence[Mapping[str, Any]], form: str, model: Model) -> None:
    """Refuse tools beside what the older models cannot combine with them."""
    if not model.id.startswith("gemini-2"):
        return
    declared = any("functionDeclarations" in group for group in tools)
    if declared and form != "text":
        raise _no("Function calling with a response mime type: 'application/json' is unsupported")
    if declared and any(group.keys() - {"functionDeclarations"} for group in tools):
        raise _no("Tool use with function calling is unsupported")


def _no(what: str) -> Problem:
    return Problem("value", "", what)
