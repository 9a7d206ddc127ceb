"""Whether an answer is one: empty, truncated, refused and invalid answers are failures of their own class."""

from __future__ import annotations

import json

from shunpike.errors import BadAnswer
from shunpike.protocols import Target
from shunpike.types import Answer, ChatRequest


def judge(answer: Answer, request: ChatRequest, target: Target) -> BadAnswer | None:
    """Return what is wrong with ``answer``, or None. Only what can be proven from the answer itself counts."""
    first = answer.choices[0]
    message = first.message
    if first.finish_reason == "content_filter" or (message.refusal and not message.text):
        return _bad("refused", "the model or its filter refused to answer", target)
    if not message.text.strip() and not message.tool_calls:
        if first.finish_reason == "length":
            return _all_thought(request, target)
        return _bad("empty", "the answer is empty", target)
    if request.json_mode and not message.tool_calls and not _is_json(message.text):
        if first.finish_reason == "length":
            return _cut_short(request, target)
        return _bad("schema_invalid", f"asked for JSON, got {message.text[:60]!r}", target)
    return None


def _all_thought(request: ChatRequest, target: Target) -> BadAnswer:
    """The request's own cap would be used up by thinking elsewhere too; another model's smaller one may not."""
    error = _bad("truncated", "all output tokens went into thinking, none into the answer: raise max_tokens", target)
    cap, most = request.output_cap, target.model.max_output
    if cap is not None and (most is None or cap <= most):
        error.elsewhere = False
        error.hint = f"raise max_tokens above {cap}, or leave it out"
    return error


def _cut_short(request: ChatRequest, target: Target) -> BadAnswer:
    """The same cap cuts every provider's answer: trying on would only cost more."""
    cap = request.output_cap
    bound = f"max_tokens = {cap}" if cap else "the default output cap"
    error = _bad("truncated", f"the JSON was cut off by {bound}", target)
    error.elsewhere = False
    error.hint = f"raise max_tokens above {cap}" if cap else "set max_tokens"
    return error


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _bad(kind: str, message: str, target: Target) -> BadAnswer:
    return BadAnswer(message, provider=target.name, model=target.model.id, kind=kind)
