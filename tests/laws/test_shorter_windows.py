"""However a provider counts, and whatever others use: no window is concluded that is shorter than its own."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shunpike.ledger.shortening import WindowSighting, watched
from shunpike.types import Limit, Rolling, Unit, WindowObservation

from .provider_windows import SHAPES, Provider

LISTED = 60.0
START = 1.8e9


class Sent(NamedTuple):
    """A request: how long after the one before it is sent, when it is counted, when its headers come and it ends."""

    pause: float
    there: float
    back: float
    rest: float
    ours: bool


def traffic() -> st.SearchStrategy[list[Sent]]:
    moments = st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.3, 0.9])
    pauses = st.sampled_from([0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 1.0, 2.0, 2.3, 7.0, 31.0])
    sent = st.builds(Sent, pauses, moments, moments, st.sampled_from([0.0, 0.0, 2.0, 20.0]), st.sampled_from([1, 1, 0]))
    burst = st.builds(lambda one, count: [one] * count, sent, st.integers(1, 12))
    return st.lists(burst, max_size=30).map(lambda bursts: [one for burst in bursts for one in burst])


def concluded(provider: Provider, amount: int, sent: list[Sent], *, tells: bool, waits: float | None) -> list[float]:
    """Return the windows that were concluded of what a provider said, in the order in which its answers ended.

    Args:
        provider: Who counts.
        amount: Its limit.
        sent: Ours and those of others.
        tells: Whether its answers say what is left, and not its refusals alone.
        waits: The reset that it states, in seconds, whatever it is; None = the true one.

    """
    limit = Limit(unit=Unit.REQUEST, amount=amount, window=Rolling(seconds=LISTED))
    moment, counted = START, []
    for number, one in enumerate(sent):
        moment += one.pause
        counted.append((moment + one.there, number, moment, one))
    ended = []
    for at, number, moment, one in sorted(counted):
        said = provider.ask(at)
        if one.ours:
            wait = (said.reset if waits is None else waits) if tells or not said.served else None
            seen = at + one.back
            left = said.left if tells and said.served else None
            told = WindowSighting(
                str(number), moment, seen, seen + one.rest, "x", not said.served, left=left, wait=wait
            )
            ended.append((seen + one.rest, number, told))
    span: WindowObservation | None = None
    found = []
    for _, _, told in sorted(ended):
        span = watched(span, limit, told) or span
        if span is not None and span.seconds is not None:
            found.append(span.seconds)
    return found


class Case(NamedTuple):
    shape: type[Provider]
    amount: int
    window: float
    phase: float


@settings(max_examples=500, deadline=None)
@given(
    case=st.builds(
        Case,
        st.sampled_from(SHAPES),
        st.sampled_from([1, 2, 3, 5, 10, 30, 100]),
        st.sampled_from([0.7, 1.5, 2.0, 2.2, 5.0, 9.0, 29.0, 44.0, 60.0, 61.0, 90.0, 3_600.0]),
        st.floats(0, 0.999),
    ),
    sent=traffic(),
    tells=st.booleans(),
    waits=st.sampled_from([None, 0.2, 1.0, 2.0]),
)
@example(case=Case(SHAPES[0], 30, 60.0, 0.03), sent=[Sent(0.1, 0.0, 0.01, 0.0, ours=True)] * 60, tells=True, waits=None)
def test_no_window_is_concluded_that_is_shorter_than_the_true_one(case, sent, tells, waits):
    provider = case.shape(case.amount, case.window, case.phase)
    found = concluded(provider, case.amount, sent, tells=tells, waits=waits)
    assert all(seconds >= case.window for seconds in found)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(SHAPES),
    phase=st.floats(0, 0.499),
    pause=st.sampled_from([0.06, 0.068]),
    delay=st.sampled_from([0.01, 0.1]),
)
def test_a_window_of_two_seconds_is_concluded_of_steady_traffic(shape, phase, pause, delay):
    """It is at most twice the true one, and a round trip at each end."""
    sent = [Sent(pause, delay, delay, 0.0, True)] * 120
    found = concluded(shape(30, 2.0, phase), 30, sent, tells=True, waits=None)
    assert found
    assert min(found) <= 5
