"""The blocking client: it stays connected, may be shared by threads, and ends whatever way it is left."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shunpike import Client, NoCredential, SyncClient, SyncStream, UsageError
from shunpike.client.stream import Stream
from shunpike.errors import Exhausted, Overloaded
from shunpike.types import Chunk, Usage
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, Hanging, MakeClient, MakeSync


def test_one_client_answers_again_and_again_on_one_thread_and_is_closed_with_its_context(make_sync: MakeSync) -> None:
    only = ScriptedProvider("only", answer("one"), answer("two"))
    before = threading.active_count()
    with make_sync(only) as client:
        assert repr(client) == "<SyncClient not open>"
        assert [client.complete("hi").text, client.ask("hi").text] == ["one", "two"]
        assert repr(client) == "<SyncClient open>"
        assert threading.active_count() == before + 1
        (row,) = client.usage(0, START * 2)
        assert (row.requests, row.held) == (2, 0)
        assert [status.name for status in client.status()] == ["only"]
        assert [model.id for model in client.models()][:1] == ["m"]
        assert client.limits() == ()
        assert client.count_tokens("hello").tokens > 0
    assert only.backend.closed
    assert threading.active_count() == before
    client.close()  # again


def test_a_stream_gives_its_chunks_and_then_the_whole_answer(make_sync: MakeSync) -> None:
    client = make_sync(ScriptedProvider("only", answer("fine day")))
    with client.stream("hi") as stream:
        assert stream.provider == "only"
        assert "".join(map(str, stream)) == "fine day"
    assert (stream.message.text, stream.finish_reason, stream.completion.text) == ("fine day", "stop", "fine day")
    assert repr(stream).startswith("<SyncStream of <Completion 'fine day'")
    assert not stream.simulated


def test_a_loop_over_a_stream_that_is_left_is_closed_and_settled(make_sync: MakeSync) -> None:
    only = ScriptedProvider("only", [Chunk(text="a"), Chunk(text="b"), Chunk(finish_reason="stop", usage=Usage())])
    client = make_sync(only)
    for chunk in client.stream("hi"):
        assert chunk.text == "a"
        break
    assert only.backend.open == 0
    (row,) = client.usage(0, START * 2)
    assert row.held == 0


def test_a_stream_that_was_never_read_and_one_after_the_end_of_its_client_are_closed_quietly(
    make_sync: MakeSync,
) -> None:
    client = make_sync(ScriptedProvider("only"))
    client.stream("hi").close()
    with client.stream("hi"):
        client.close()


def test_errors_come_through_as_they_are(make_sync: MakeSync) -> None:
    client = make_sync(ScriptedProvider("only", Overloaded("busy", provider="only")))
    with pytest.raises(Exhausted, match="busy"):
        client.complete("hi", wait=False)
    with pytest.raises(UsageError, match="no option 'api_key'"):
        client.complete("hi", api_key="x")  # type: ignore[call-arg]
    with pytest.raises(Exhausted, match="busy"), client.stream("hi", wait=False):
        pass
    with pytest.raises(UsageError, match="Client has no argument 'api_key'"):
        SyncClient(api_key="x")  # type: ignore[arg-type]


def test_threads_may_share_it(make_sync: MakeSync) -> None:
    client = make_sync(ScriptedProvider("only"))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: client.complete(f"hi {number}").text, range(40)))
    assert found == ["fine"] * 40
    (row,) = client.usage(0, START * 2)
    assert (row.requests, row.held) == (40, 0)


def test_it_works_inside_a_running_loop_as_in_a_notebook(make_sync: MakeSync) -> None:
    client = make_sync(ScriptedProvider("only"))

    async def cell() -> str:
        return client.complete("hi").text

    assert asyncio.run(cell()) == asyncio.run(cell()) == "fine"


def test_closing_it_ends_the_calls_of_other_threads(make_sync: MakeSync) -> None:
    only = Hanging("only")
    client = make_sync(only, auto=False)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.complete, "hi")
        only.begun.wait(10)
        client.close()
        with pytest.raises(UsageError, match="closed while it was at work"):
            running.result(10)


def test_after_its_end_it_says_so(make_sync: MakeSync) -> None:
    client = make_sync(ScriptedProvider("only"))
    client.complete("hi")
    client.close()
    with pytest.raises(UsageError, match="the client is closed") as caught:
        client.complete("hi")
    assert caught.value.hint == "make another: SyncClient()"


def test_on_its_own_thread_it_refuses_to_wait_for_itself(make_sync: MakeSync) -> None:
    client: SyncClient

    def again(call: object) -> Any:
        return client.complete("again")

    client = make_sync(ScriptedProvider("only", again))
    with pytest.raises(Exception, match="would wait for itself for ever"):
        client.complete("hi", wait=False)


@pytest.mark.filterwarnings("default::DeprecationWarning")
@pytest.mark.parametrize("kept", ["memory", "file"])
@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_forked_process_is_told_to_make_its_own(
    make_sync: MakeSync, make_client: MakeClient, tmp_path: Path, kept: str, used: bool, blocking: bool
) -> None:
    """Whatever store, whether anything was asked before, and by either client alike."""
    threads = set(threading.enumerate())
    store = "memory:" if kept == "memory" else f"sqlite:{tmp_path / 'ledger.db'}"
    client = (make_sync if blocking else make_client)(ScriptedProvider("only"), store=store)
    if used:
        _run(client.complete("hi"))
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            for call in (lambda: client.complete("hi"), lambda: client.usage(0, 1), client.models):
                try:
                    _run(call())
                except UsageError as error:
                    os.write(write, f"{error}\n".encode())
            _run(client.close() if isinstance(client, SyncClient) else client.aclose())
        finally:
            os._exit(0)
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
    told = os.read(read, 1000).decode()
    os.close(read)
    assert told.count("forked") == told.count("hint: make a client in each process") == 3
    assert _run(client.complete("still here")).text == "fine"
    _run(client.close() if isinstance(client, SyncClient) else client.aclose())
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)


def _run(made: Any) -> Any:
    """Return what a call of a blocking or an asynchronous client gives."""

    async def whole() -> Any:
        return await made

    return asyncio.run(whole()) if inspect.isawaitable(made) else made


def test_one_that_nobody_holds_any_more_warns_and_is_closed(make_sync: MakeSync) -> None:
    only = ScriptedProvider("only")
    before = threading.active_count()
    client = make_sync(only, kept=False)
    client.complete("hi")
    left = [client]
    del client
    with pytest.warns(ResourceWarning, match="left open"):
        left.clear()
    gc.collect()
    until = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert only.backend.closed


def test_a_script_that_forgets_to_close_it_ends_at_once_and_is_booked(tmp_path: Any) -> None:
    script = textwrap.dedent("""
        from shunpike import SyncClient
        client = SyncClient()
        print(client.ask("What is a shunpike?").simulated)
        for piece in client.stream("hi"):
            break
        stream = client.stream("hi").__enter__()
    """)
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(("blocking", "other"), [(SyncClient, Client), (SyncStream, Stream)])
def test_it_has_the_methods_of_the_asynchronous_one_with_their_arguments(blocking: type[Any], other: type[Any]) -> None:
    for name, method in vars(blocking).items():
        if name.startswith("_") or name in ("close", "ask") or isinstance(method, property):
            continue
        assert inspect.signature(method).parameters == inspect.signature(getattr(other, name)).parameters, name
    assert inspect.signature(SyncClient).parameters == inspect.signature(Client).parameters


def test_it_lacks_nothing_of_the_asynchronous_one_but_what_operators_and_faces_use() -> None:
    both = {name for kind in (Client, SyncClient) for name in vars(kind) if not name.startswith("_")}
    lacks = {name for name in both if not hasattr(SyncClient, name)}
    faces = {"answer", "apply", "open", "vectors"}
    assert lacks == {"aclose", "check_setup", "check_store", "closed", "ledger", "probe", "settled"} | faces
    assert {name for name in both if not hasattr(Client, name)} == {"ask", "close"}


def test_a_key_that_is_set_later_is_looked_for_when_it_is_told_to(make_sync: MakeSync) -> None:
    environ: dict[str, str] = {}
    only = ScriptedProvider("only")
    only.env_key = "ONLY_KEY"
    client = make_sync(only, environ=environ)
    with pytest.raises(NoCredential):
        client.complete("hi")
    environ["ONLY_KEY"] = "sk-0123456789abcdef"
    client.reload_accounts()
    assert client.complete("hi").text == "fine"
