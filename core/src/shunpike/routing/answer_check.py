"""Whether an answer is one: empty, cut off, refused, invalid, looping and wrong-language ones are failures."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

from shunpike.errors import BadAnswer
from shunpike.json_schema import json_schema
from shunpike.protocols import Target
from shunpike.routing.context import Attempt, RequestContext
from shunpike.routing.odd_text import SHORTEST, is_in_another_language, loops, refuses
from shunpike.types import Answer, ChatRequest
from shunpike.types.base import label


def check_answer(answer: Answer, request: ChatRequest, context: RequestContext, attempt: Attempt) -> BadAnswer | None:
    """Return what is wrong with ``answer``, or None. Only what can be proven from the answer itself counts."""
    first = answer.choices[0]
    message = first.message
    if first.finish_reason == "content_filter" or (message.refusal and not message.text):
        return _bad("refused", "the model or its filter refused to answer", attempt.target)
    found = check_end(answer, request, context, attempt)
    if found is None and (odd := _odd(answer, request)) is not None:
        kind, what = odd
        return _bad(kind, what, attempt.target)
    return found


def remark_on_end(answer: Answer, request: ChatRequest, attempt: Attempt) -> None:
    """Remark on what looks wrong with an answer that was shown as it came: its reader has it already."""
    if (odd := _odd(answer, request)) is not None:
        kind, what = odd
        attempt.remarks.append(f"the answer may be of no use ({kind}): {what}")


def _odd(answer: Answer, request: ChatRequest) -> tuple[str, str] | None:
    """Return the kind of what is grossly wrong with a text, and the words for it; None where all looks well."""
    first = answer.choices[0]
    text = first.message.text
    if request.json_mode is not None or first.message.tool_calls or not text:
        return None
    if refuses(text):
        return "refused", f"the model declined to answer: {text.strip()[:60]!r}"
    if len(text) < SHORTEST:
        return None
    prompt = "\n".join(one.text for one in request.messages)
    if loops(text, prompt, cut=first.finish_reason == "length"):
        return "looping", "the answer says the same again and again"
    if is_in_another_language(text, prompt):
        return "wrong_language", "the answer is in another language than the prompt"
    return None


def check_end(answer: Answer, request: ChatRequest, context: RequestContext, attempt: Attempt) -> BadAnswer | None:
    """Return what is wrong with an answer that was shown as it came: nothing is in it, or not what was asked for.

    What was asked for is read into ``attempt.parsed``.
    """
    return useless(answer, request, attempt.target) or _misread(answer, request, context, attempt)


def _misread(answer: Answer, request: ChatRequest, context: RequestContext, attempt: Attempt) -> BadAnswer | None:
    first = answer.choices[0]
    if context.reads is None and request.json_mode is None:
        return None
    if first.message.tool_calls or not first.message.text.strip():
        return None
    try:
        attempt.parsed = _read(first.message.text, request, context, attempt)
    except ValueError as error:
        if first.finish_reason == "length":
            return _cut_short(request, attempt.target)
        return _bad("schema_invalid", str(error), attempt.target)
    for choice in answer.choices[1:]:
        try:
            _read(choice.message.text, request, context, attempt)
        except ValueError as error:
            attempt.remarks.append(f"choice {choice.index}: {error}")
    return None


def _read(text: str, request: ChatRequest, context: RequestContext, attempt: Attempt) -> Any:
    """Return what was asked for of an answer's text. Raises `ValueError` saying what does not fit."""
    if context.reads is not None:
        return context.reads(text)
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        _check_characters(text, value)
    except (ValueError, RecursionError):
        raise ValueError(f"asked for JSON, got {text[:60]!r}") from None
    if request.json_mode == "json_object" and not isinstance(value, dict):
        raise ValueError(f"asked for a JSON object, got {text[:60]!r}")
    schema = request.json_schema
    if schema is None:
        return value
    checked = json_schema(json.dumps(schema))
    if not checked.is_checkable(text):
        attempt.remarks.append("the answer was not checked against its schema: that would take too long")
    problem = checked.problem(value, text)
    if problem is not None:
        raise ValueError(f"the answer does not fit the schema: {problem}")
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(figures: str) -> float:
    """JSON bounds no number, but what reads an answer has none beyond these: 1e400 would be infinite."""
    value = float(figures)
    if isfinite(value):
        return value
    raise ValueError(f"{figures} is too large")


def _check_characters(text: str, value: Any) -> None:
    """Raise `ValueError` (`UnicodeEncodeError`) for half a character, which no file and no other service takes."""
    if _HALF.search(text):
        json.dumps(value, ensure_ascii=False).encode()


_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def useless(answer: Answer, request: ChatRequest, target: Target) -> BadAnswer | None:
    """Return what is wrong with an answer that says nothing at all and calls no tool, None where it does."""
    first = answer.choices[0]
    if first.message.text.strip() or first.message.tool_calls or first.message.refusal:
        return None
    if first.finish_reason != "length":
        return _bad("empty", "the answer is empty", target)
    return _all_thought(request, target)


def _all_thought(request: ChatRequest, target: Target) -> BadAnswer:
    """The request's own cap would be used up by thinking elsewhere too; another model's smaller one may not."""
    error = _bad("truncated", "all output tokens went into thinking, none into the answer", target)
    error.hint = 'ask another model (shunpike models), or in code let it think less: reasoning_effort="low"'
    cap, most = request.output_cap, target.model.max_output
    if cap is not None and (most is None or cap <= most):
        error.elsewhere = False
        error.hint = f"raise max_tokens above {cap}, or leave it out"
    return error


def warnings_of(answer: Answer, attempt: Attempt) -> tuple[str, ...]:
    """Return what is odd about an answer that serves: what was not checked, and what cut it off."""
    return (*attempt.remarks, *_cut_off(answer, attempt))


def _cut_off(answer: Answer, attempt: Attempt) -> tuple[str, ...]:
    """Return the warning for an answer that was cut off: by a filter, or by its output cap and what made it that."""
    ends = {choice.finish_reason for choice in answer.choices}
    who = label(attempt.target.name, attempt.target.model.id)
    if "content_filter" in ends:
        return (f"the answer was broken off by the content filter of {who}",)
    if "length" not in ends:
        return ()
    cap, asked, most = attempt.max_output, attempt.request.output_cap, attempt.target.model.max_output
    if attempt.grant.capped_by:
        by = f"all that was left of the {attempt.grant.capped_by}"
    elif asked is not None and cap == asked:
        by = "by max_tokens"
    elif cap == most:
        by = f"the most that {who} gives"
    elif attempt.target.model.context is None:
        return (f"the answer was cut off by {who}, or at max_tokens = {cap:,}: name a larger one",)
    else:
        by = f"all that the context of {who} has room for"
    return (f"the answer was cut off at {cap:,} output tokens: {by}",)


def _cut_short(request: ChatRequest, target: Target) -> BadAnswer:
    """A cap that was named cuts every provider's answer: trying on would only cost more."""
    cap = request.output_cap
    bound = f"max_tokens = {cap}" if cap else "the largest output cap that was possible"
    error = _bad("truncated", f"the JSON was cut off by {bound}", target)
    error.elsewhere = cap is None
    error.hint = f"raise max_tokens above {cap}" if cap else "ask for less, or see what is left: shunpike limits"
    return error


def _bad(kind: str, message: str, target: Target) -> BadAnswer:
    return BadAnswer(message, provider=target.name, model=target.model.id, kind=kind)
