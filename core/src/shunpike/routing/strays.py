"""What came out of a stranger's code: the end of the task that runs it, which passes, or something that it raised."""

from __future__ import annotations

import asyncio
import dis
import math

import anyio

_RAISE = dis.opmap["RAISE_VARARGS"]


def is_stray(error: BaseException) -> bool:
    """Whether ``error`` was raised by the code itself, and is no cancellation, no end of a coroutine and no Ctrl-C.

    A cancellation is one where the task that runs is being cancelled; a coroutine that is closed is told so where it
    waits, not by a statement. A `KeyboardInterrupt` is always the person's at the keyboard.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_stray(one) for one in error.exceptions)
    if isinstance(error, KeyboardInterrupt):
        return False
    if isinstance(error, GeneratorExit):
        return _raised_by_a_statement(error)
    return not (_is_cancellation(error) and _is_being_cancelled())


def _raised_by_a_statement(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_code[trace.tb_lasti] == _RAISE


def _is_cancellation(error: BaseException) -> bool:
    try:
        return isinstance(error, anyio.get_cancelled_exc_class())
    except RuntimeError:  # no event loop runs
        return False


def _is_being_cancelled() -> bool:
    if anyio.current_effective_deadline() == -math.inf:
        return True
    try:
        task = asyncio.current_task()
    except RuntimeError:  # another event loop's
        return False
    return task is not None and task.cancelling() > 0
