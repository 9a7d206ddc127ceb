"""Answers whose figures or ends are wrong, rewritten after they were made: what is billed stays what was generated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from shunpike_sandbox import faults
from shunpike_sandbox.replies import Frame, dump

DATA = b"data: "
DONE = b"[DONE]"
FIGURES = ("usage", "usageMetadata")
_NAMES = (
    ("usage", "completion_tokens", "total_tokens"),
    ("usageMetadata", "candidatesTokenCount", "totalTokenCount"),
)
FAILED = {"code": 502, "message": "The provider behind failed while it answered"}
Rewrite = Callable[[dict[str, Any]], dict[str, Any]]


def whole(fault: str | None, body: bytes) -> bytes:
    """Return a whole answer as the fault has it."""
    if fault == faults.NULL_FINISH:
        return dump(_endless(json.loads(body)))
    if fault not in faults.MISSTATING:
        return body
    data = json.loads(body)
    if fault == faults.NO_USAGE:
        return dump(_unstated(data))
    return dump(_broken(data) if fault == faults.BILLED_ERROR else _restated(data, fault))


def refused(error: bytes, answer: bytes) -> bytes:
    """Return the body of a failure with the figures of the answer that it stands for."""
    told, made = json.loads(error), json.loads(answer)
    figures = {name: made[name] for name in (*FIGURES, "model", "modelVersion") if name in made}
    if isinstance(told, list):
        return dump([{**told[0], **figures}, *told[1:]])
    return dump({**told, **figures})


def streamed(fault: str | None, frames: Iterable[Frame], error: Iterable[Frame], prompt: int) -> Iterable[Frame]:
    """Return the frames of a stream as the fault has them."""
    if fault not in {faults.NULL_FINISH, *faults.MISSTATING}:
        return frames
    if fault in (faults.BILLED_ERROR, faults.LATE_ERROR):
        made = list(frames)
        return _failing(made, list(error), 0 if fault == faults.BILLED_ERROR else len(made) // 2)
    if fault == faults.RUNNING:
        return _running(frames, prompt)
    if fault in (faults.SHRUNK_USAGE, faults.ZERO_END):
        return _last_changed(list(_running(frames, prompt)), _zero if fault == faults.ZERO_END else _less)
    if fault in (faults.LATE_USAGE, faults.TWICE, faults.GARBLED):
        made = list(frames)
        return _garbled(made) if fault == faults.GARBLED else _stated_after(made, twice=fault == faults.TWICE)
    changes: dict[str, Rewrite] = {faults.NULL_FINISH: _endless, faults.NO_USAGE: _unstated}
    change = changes.get(fault, lambda data: _restated(data, fault))
    return (_rewritten(frame, change) for frame in frames)


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
    for name in FIGURES:
        if isinstance(told := data.get(name), dict):
            changed[name] = _zeros(told) if fault == faults.ZERO_USAGE else _odd(told)
    return changed


def _endless(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with choices that do not say why they ended."""
    if "choices" not in data:
        return data
    unsaid = {"finish_reason": None, "native_finish_reason": None}
    return {
        **data,
        "choices": [{**one, **{name: unsaid[name] for name in unsaid if name in one}} for one in data["choices"]],
    }


def _zero(data: dict[str, Any]) -> dict[str, Any]:
    return _restated(data, faults.ZERO_USAGE)


def _less(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with a completion of one token."""
    changed = dict(data)
    for name, completion, total in _NAMES:
        if isinstance(told := data.get(name), dict):
            made = sum(told.get(part, 0) for part in (completion, "thoughtsTokenCount"))
            changed[name] = {**told, completion: 1, total: told[total] - made + 1}
            changed[name].pop("thoughtsTokenCount", None)
            changed[name].pop("completion_tokens_details", None)
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


def _failing(frames: list[Frame], error: list[Frame], after: int) -> Iterator[Frame]:
    """Return an error inside a stream, followed by the figures of what it took, where the dialect states them."""
    yield from frames[:after]
    place = _last(frames)
    last = None if place is None else frames[place]
    if last is not None and b"usageMetadata" in last.data:
        yield _rewritten(last, _broken)
        return
    yield from (frame for frame in error if DONE not in frame.data)
    if last is not None:
        yield _rewritten(last, lambda data: {**data, "choices": []})
    yield from (frame for frame in frames if DONE in frame.data)


def _last(frames: list[Frame]) -> int | None:
    """Return the place of the last frame that states figures."""
    marks = (b'"usage":{', b"usageMetadata")
    return next((at for at in reversed(range(len(frames))) if any(mark in frames[at].data for mark in marks)), None)


def _last_changed(frames: list[Frame], change: Rewrite) -> list[Frame]:
    place = _last(frames)
    if place is not None:
        frames[place] = _rewritten(frames[place], change)
    return frames


def _stated_after(frames: list[Frame], *, twice: bool) -> Iterator[Frame]:
    """Return the stream with its figures in a chunk of their own behind the last; ``twice``: there as well."""
    place = _last(frames)
    for at, frame in enumerate(frames):
        if at != place:
            yield frame
            continue
        yield frame if twice else _rewritten(frame, _without)
        yield Frame(_rewritten(frame, lambda data: {**data, _rows(data): []}).data)


def _rows(data: dict[str, Any]) -> str:
    return "candidates" if "candidates" in data else "choices"


def _without(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in FIGURES}


def _unstated(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data without figures, wherever the dialect states them."""
    plain = _without(data)
    return {name: _without(value) if isinstance(value, dict) else value for name, value in plain.items()}


def _garbled(frames: list[Frame]) -> Iterator[Frame]:
    """Return the stream with an event in its middle that breaks off within its JSON."""
    middle = len(frames) // 2
    yield from frames[:middle]
    yield Frame(DATA + b'{"choices":[{"index":0,"del\n\n')
    yield from frames[middle:]


def _running(frames: Iterable[Frame], prompt: int) -> Iterator[Frame]:
    """Return a stream that states in each chunk what was made so far."""
    made = 0
    for frame in frames:
        made += frame.tokens
        yield _rewritten(frame, partial(_counted, prompt=prompt, made=made))


def _counted(data: dict[str, Any], prompt: int, made: int) -> dict[str, Any]:
    if "candidates" in data:
        told = {"promptTokenCount": prompt, "candidatesTokenCount": made, "totalTokenCount": prompt + made}
        return {**data, "usageMetadata": {**data.get("usageMetadata", {}), **told}}
    if data.get("usage"):
        return data
    return {**data, "usage": {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}}
