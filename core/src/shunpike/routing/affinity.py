"""Where conversations run: each stays where its last turn was answered, as the beginning of its prompt is cached there.

| its last turn was answered by a target that       | the next turn goes                                       |
| ------------------------------------------------- | -------------------------------------------------------- |
| stands among the candidates, is open, and costs   | there first                                              |
| no more and is asked no later than the first      |                                                          |
| the same, but is asked later than the first       | there first inside a tool loop, else to the first        |
| is no candidate, is closed for now, or costs      | to the first                                             |
| money where something is free                     |                                                          |
| nobody knows, or too long ago                     | to the first, as does the opening of a conversation      |

Where the first has equals, the conversations are shared out over them by rendezvous hashing: each has its own order, so
that those of one that fails are spread over the others. An equal is passed over while more runs there than
`MOST_OF_MEAN` of what runs at each on average. Limits are the ledger's: what it denies is asked next in order, and the
conversation stays where it was answered then.

Known to this process only, as much as it needs no memory without bounds: other processes begin with the same choice
among equals, since it is made by hashing.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import NamedTuple

from shunpike.protocols import Ranked, RoutableRequest, Target
from shunpike.routing.conversation import ConversationTurn
from shunpike.routing.rendezvous import order
from shunpike.types import AffinityState, ChatRequest, SessionAffinity
from shunpike.types.base import changed

MOST_KNOWN = 10_000
"""Conversations that are known at a time; the one that was idle for longest is forgotten first."""
MOST_OF_MEAN = 1.25
"""Of the attempts that run at each of several equals on average: above it, rounded up, one gets no new conversation."""


class _Stay(NamedTuple):
    """Where a conversation was answered last."""

    target: Target
    used_mono: float

    @property
    def label(self) -> str:
        return self.target.label

    def place_in(self, ranked: Sequence[Ranked]) -> int | None:
        """Return which of ``ranked`` it is, None where it is not there."""
        for place, one in enumerate(ranked):
            if one.target is self.target:
                return place
        # Settings or accounts may have changed since: the same target is another object then.
        label = self.label
        return next((place for place, one in enumerate(ranked) if one.target.label == label), None)


class PlannedTurn(NamedTuple):
    """What is known of the conversation of a request that was planned."""

    told: SessionAffinity
    turn: ConversationTurn | None = None
    """None = it is part of none."""
    provider: str | None = None
    """The id of the provider that answered its last turn, None = none is known."""


OFF = PlannedTurn(SessionAffinity(state=AffinityState.OFF))
"""Of what is part of no conversation."""


class Candidates(NamedTuple):
    """Who may be asked, in order, and what affinity looks at beside."""

    ranked: Sequence[Ranked]
    closed: Callable[[str], bool]
    """Whether the target of a label is closed for now."""
    running: Callable[[str], int]
    """Label → how many attempts run there."""
    rung: Callable[[str], int] = lambda _: 0
    """Label → its place in the order that the operator gave; targets of one rung are chosen among."""


class Conversations:
    """Where each conversation was answered last. Moments are those of the monotonic clock."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._stays: OrderedDict[str, _Stay] = OrderedDict()

    def __len__(self) -> int:
        return len(self._stays)

    def placed(
        self, turn: ConversationTurn, found: Candidates, idle: float, now_mono: float
    ) -> tuple[tuple[Ranked, ...], PlannedTurn]:
        """Return ``found`` in the order in which this turn asks, and why; ``idle`` is the seconds that end a stay."""
        ranked = shared_out(turn.key, found)
        stay = self._stays.get(turn.key)
        if stay is None or turn.is_opening or not ranked:
            return ranked, PlannedTurn(_told(turn, AffinityState.NEW), turn)
        if now_mono - stay.used_mono > idle:
            del self._stays[turn.key]
            over = f"its last turn was more than {idle:g} s ago"
            return ranked, PlannedTurn(_told(turn, AffinityState.NEW, why=over), turn)
        place = stay.place_in(ranked)
        why = _why_not(None if place is None else ranked[place], ranked[0], found, in_tool_loop=turn.in_tool_loop)
        state = AffinityState.KEPT if why is None else AffinityState.MOVED
        told = _told(turn, state, stay.label, why or "")
        if place and why is None:
            ranked = (ranked[place], *ranked[:place], *ranked[place + 1 :])
        return ranked, PlannedTurn(told, turn, stay.target.provider.id)

    def answered(self, planned: PlannedTurn, target: Target, now_mono: float) -> SessionAffinity:
        """Note that ``target`` answered a turn; return what became of its conversation."""
        told, turn = planned.told, planned.turn
        if turn is None:
            return told
        self._stays[turn.key] = _Stay(target, now_mono)
        self._stays.move_to_end(turn.key)
        while len(self._stays) > self._most:
            self._stays.popitem(last=False)
        if told.state is not AffinityState.KEPT or told.target == target.label:
            return told
        return changed(told, state=AffinityState.MOVED, why="it did not answer this request")


def _told(turn: ConversationTurn, state: AffinityState, target: str | None = None, why: str = "") -> SessionAffinity:
    return SessionAffinity.model_construct(state=state, key=turn.shown, target=target, why=why)


def loss(planned: PlannedTurn, told: SessionAffinity, request: RoutableRequest, target: Target) -> str | None:
    """Return what was lost where a conversation moved to ``target`` in the middle of a tool loop, None = nothing.

    ``told`` is what became of the conversation.
    """
    in_tool_loop = planned.turn is not None and planned.turn.in_tool_loop
    if not in_tool_loop or told.target is None or told.target == target.label:
        return None
    lost, messages = "what it had cached of the prompt", request.messages if isinstance(request, ChatRequest) else ()
    if planned.provider != target.provider.id and any(planned.provider in (one.private or {}) for one in messages):
        lost += " and the signatures of its thoughts, which another provider can't read"
    return (
        f"the conversation moved from {told.target} to {target.label} in the middle of its tool calls, as"
        f" {told.target} {told.why.removeprefix('it ')}: lost is {lost}"
    )


def _why_not(kept: Ranked | None, first: Ranked, found: Candidates, *, in_tool_loop: bool) -> str | None:
    """Return why the conversation can't stay, None where it can."""
    if kept is None:
        return "it can't answer this request"
    label = kept.target.label
    if found.closed(label):
        return "it is closed for now"
    if kept.target.paid and not first.target.paid:
        return "it costs money, and something free can answer"
    if not in_tool_loop and found.rung(label) > found.rung(first.target.label):
        return "it is asked later than what can answer again"
    return None


def shared_out(key: str, found: Candidates) -> tuple[Ranked, ...]:
    """Return the candidates with the first and its equals in their order for ``key``; those that are busy come last."""
    ranked = found.ranked
    if len(ranked) < 2 or ranked[0].group is None or ranked[0].group != ranked[1].group:
        return tuple(ranked)
    first = ranked[0]
    equals = {
        one.target.label: one
        for one in takewhile(lambda one: one.group == first.group and one.target.paid == first.target.paid, ranked)
    }
    running = {label: found.running(label) for label in equals}
    most = math.ceil(MOST_OF_MEAN * sum(running.values()) / len(running))
    drawn = sorted(
        order(key, ((label, 1.0) for label in equals)), key=lambda label: (found.closed(label), running[label] > most)
    )
    return (*(equals[label] for label in drawn), *ranked[len(equals) :])
