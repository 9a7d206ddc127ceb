"""Says on stderr what a request waits for, so that nobody takes it for a hang."""

from __future__ import annotations

import sys
from math import inf

from shunpike.cli.output import narrate, safe
from shunpike.cli.spinner import Spinner
from shunpike.client import Client
from shunpike.clock import duration, when
from shunpike.hookspecs import hookimpl
from shunpike.types import AttemptStarted, Event, RequestWaiting

SHORT = 2.0
"""Seconds of a wait that is not worth a word where no person looks on."""


class _Notice:
    def __init__(self, shortest: float) -> None:
        self._shortest = shortest

    @hookimpl
    def shunpike_event(self, event: Event) -> None:
        if isinstance(event, AttemptStarted) and Spinner.running is not None:
            Spinner.running.label()
        if not isinstance(event, RequestWaiting):
            return
        span = 0.0 if event.retry_at is None else event.retry_at - event.at
        if span >= self._shortest:
            until, short = f"opens in {duration(span)}", f"waiting until {when(event.at + span, event.at)}"
            if event.held:
                until = "held by requests that are running, opens when one of them ends"
                short = "waiting for requests that are running"
            elif event.earliest:
                until = f"opens in {duration(span)} at the earliest, by requests that are running"
            _say(safe(f"waiting for {event.provider}: {event.limit.removeprefix('limit ')}, {until}"), short)


def _say(line: str, short: str) -> None:
    """Write ``line``; where a spinner turns, it goes on with the ``short`` form."""
    if Spinner.running is None:
        narrate(line, dim=True)
    else:
        Spinner.running.say_above(line)
        Spinner.running.label(short)


def say_waits(client: Client, *, scripted: bool = False) -> None:
    """Let ``client`` say on stderr what its requests wait for: on a terminal always, else where it takes a while.

    Where stderr is read by a program (``scripted``), which takes what stands there for an error, nothing is said.
    """
    if sys.stderr.isatty():
        client.host.register(_Notice(shortest=-inf), "waiting")
    elif not scripted:
        client.host.register(_Notice(shortest=SHORT), "waiting")
