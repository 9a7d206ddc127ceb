"""Ctrl-C in a call of the blocking client: at any moment it cancels, settles and raises."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import Future
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

import shunpike
from shunpike import loop_thread
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import START, Hanging, MakeClient, MakeSync


def test_ctrl_c_ends_the_call_that_waits_and_settles_it(make_sync: MakeSync) -> None:
    only = Hanging("only")
    client = make_sync(only, auto=False)

    def press() -> None:
        only.begun.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        client.complete("hi")
    assert only.cancelled.is_set()
    (row,) = client.usage(0, START * 2)
    assert (row.requests, row.answered) == (1, 0)


def test_a_ctrl_c_that_wakes_no_wait_ends_the_call_all_the_same(make_sync: MakeSync) -> None:
    """The system gave it to another thread, or it came just before the wait: it was seen when the answer was there."""
    only = Hanging("only")
    client = make_sync(only, auto=False)
    in_time: list[bool] = []

    def press() -> None:
        only.begun.wait(10)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        in_time.append(only.cancelled.wait(5))
        if not in_time[0]:
            os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        client.complete("hi")
    presser.join(10)
    assert in_time == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    (row,) = client.usage(0, START * 2)
    assert (row.requests, row.held) == (1, 0)


def test_ctrl_c_between_the_start_of_the_work_and_the_wait_leaves_nothing_running(
    make_sync: MakeSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = Hanging("only")
    client = make_sync(only, auto=False)
    start = BlockingPortal.start_task_soon
    presses = iter([signal.SIGINT])

    def pressed_behind(portal: BlockingPortal, *given: Any, **named: Any) -> Any:
        future = start(portal, *given, **named)
        if threading.current_thread() is threading.main_thread() and (press := next(presses, None)):
            only.begun.wait(10)
            signal.raise_signal(press)
        return future

    monkeypatch.setattr(BlockingPortal, "start_task_soon", pressed_behind)
    with pytest.raises(KeyboardInterrupt):
        client.complete("hi")
    assert only.cancelled.is_set()


def test_ctrl_c_while_the_answer_is_handed_over_is_not_swallowed(
    make_sync: MakeSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_sync(ScriptedProvider("only"))
    wait = loop_thread._wait

    def pressed_behind(future: Future[Any], pressed: Any) -> None:
        wait(future, pressed)
        signal.raise_signal(signal.SIGINT)

    client.status()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(loop_thread, "_wait", pressed_behind)
        client.complete("hi")
    (row,) = client.usage(0, START * 2)
    assert (row.answered, row.held) == (1, 0)


def test_ctrl_c_that_wakes_no_wait_ends_a_stream_of_one_line(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = Hanging("only")
    client = make_client(only)
    monkeypatch.setattr("shunpike.sync.Client", lambda: client)

    def press() -> None:
        only.begun.wait(10)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        next(iter(shunpike.stream_sync("hi")))
    presser.join(10)
