"""Answers whose figures are wrong, rewritten after they were made: what is billed stays what was generated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from shunpike_sandbox import faults
from shunpike_sandbox.replies import Frame, dump

DATA = b"data: "
DONE = b"[DONE]"
FAILED = {"code": 502, "message": "The provider behind failed while it answered"}
Rewrite = Callable[[dict[str, Any]], dict[str, Any]]


def whole(fault: str | None, body: bytes) -> bytes:
    """Return a whole answer as the fault has it."""
    if fault not in faults.MISSTATING:
        return body
    data = json.loads(body)
    return dump(_broken(data) if fault == faults.BILLED_ERROR else _restated(data, fault))


def streamed(fault: str | None, frames: Iterable[Frame], error: Iterable[Frame], prompt: int) -> Iterable[Frame]:
    """Return the frames of a stream as the fault has them."""
    if fault not in faults.MISSTATING:
        return frames
    if fault == faults.BILLED_ERROR:
        return _failing(list(frames), list(error))
    if fault == faults.RUNNING:
        return _running(frames, prompt)
    return (_rewritten(frame, lambda data: _restated(data, fault)) for frame in frames)


def _rewritten(frame: Frame, change: Rewrite) -> Frame:
    """Return the frame with its data changed; one that holds no object stays as it is."""
    text = frame.data.removeprefix(DATA)
    if text is frame.data or not text.startswith(b"{"):
        return frame
    plain = text.rstrip()
    return Frame(DATA + dump(change(json.loads(plain))) + text[len(plain) :], frame.tokens)


def _restated(data: dict[str, Any], fault: str | None) -> dict[str, Any]:
    """Return the data with figures that are all zero, or do not fit together."""
    changed = dict(data)
    for name in ("usage", "usageMetadata"):
        if isinstance(told := data.get(name), dict):
            changed[name] = _zeros(told) if fault == faults.ZERO_USAGE else _odd(told)
    return changed


def _zeros(told: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for name, value in told.items():
        if isinstance(value, dict):
            changed[name] = _zeros(value)
        else:
            changed[name] = 0 if isinstance(value, int | float) and not isinstance(value, bool) else value
    return changed


def _odd(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures of which the total is too small for its parts."""
    totals = {name: 1 for name in ("total_tokens", "totalTokenCount") if told.get(name)}
    return {**told, **totals}


def _broken(data: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that ended in a failure, with the figures of what it took."""
    if "candidates" in data:
        return {**data, "candidates": [{"index": 0, "finishReason": "MALFORMED_FUNCTION_CALL"}]}
    message = {"role": "assistant", "content": ""}
    return {**data, "choices": [{"index": 0, "message": message, "finish_reason": "error", "error": FAILED}]}


def _failing(frames: list[Frame], error: list[Frame]) -> Iterator[Frame]:
    """Return an error inside a stream, followed by the figures of what it took, where the dialect states them."""
    marks = (b'"usage":{', b"usageMetadata")
    last = next((frame for frame in reversed(frames) if any(mark in frame.data for mark in marks)), None)
    if last is not None and b"usageMetadata" in last.data:
        yield _rewritten(last, _broken)
        return
    yield from (frame for frame in error if DONE not in frame.data)
    if last is not None:
        yield _rewritten(last, lambda data: {**data, "choices": []})
    yield from (frame for frame in frames if DONE in frame.data)


def _running(frames: Iterable[Frame], prompt: int) -> Iterator[Frame]:
    """Return a stream that states in each chunk what was made so far."""
    made = 0
    for frame in frames:
        made += frame.tokens
        yield _rewritten(frame, lambda data, made=made: _counted(data, prompt, made))  # type: ignore[misc]  # bound now


def _counted(data: dict[str, Any], prompt: int, made: int) -> dict[str, Any]:
    if "candidates" in data:
        told = {"promptTokenCount": prompt, "candidatesTokenCount": made, "totalTokenCount": prompt + made}
        return {**data, "usageMetadata": {**data.get("usageMetadata", {}), **told}}
    if data.get("usage"):
        return data
    return {**data, "usage": {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}}
