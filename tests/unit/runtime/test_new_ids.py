"""Ids of requests that nobody named: no two are the same, in no thread and in no process that was forked."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from shunpike.runtime.request_ids import new_request_id


def several(count: int = 500) -> list[str]:
    return [new_request_id() for _ in range(count)]


def test_an_id_is_a_word_of_twenty_hexadecimal_digits() -> None:
    name = new_request_id()
    assert name.startswith("req_")
    assert len(bytes.fromhex(name.removeprefix("req_"))) == 10


def test_threads_get_none_twice() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(chain.from_iterable(pool.map(lambda _: several(), range(4))))
    assert len(set(found)) == 2000


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is forked there")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_was_forked_gets_none_of_its_parents() -> None:
    several(3)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        theirs = pool.apply(several, (50,))
    assert not set(theirs) & set(several(50))
