"""The law of waiting, held against what a client tells its observers: nobody is sent before who came earlier waits.

Who has not asked the ledger yet (it is still counting its prompt, or reading what was learned) stands nowhere, and may
be overtaken: that is the only exception.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from shunpike.types import AttemptStarted, RequestWaiting
from shunpike_testkit.scripted import Observer


class Place(NamedTuple):
    """The smaller, the earlier its turn."""

    batch: bool
    number: int


class Watcher(Observer):
    """Keeps the events, and tells what they say of the order."""

    def started(self) -> list[str]:
        """Return the requests in the order in which they were sent."""
        return [event.request_id for event in self.events if isinstance(event, AttemptStarted)]

    def waited(self) -> set[str]:
        """Return the requests that have had to wait."""
        return {event.request_id for event in self.events if isinstance(event, RequestWaiting)}

    def overtaken(self, places: Mapping[str, Place]) -> Iterator[tuple[Place, Place]]:
        """Yield who was sent while somebody with an earlier place waited, and that one.

        All of them need the same limits. ``places`` are by the ids of the requests.
        """
        waiting: set[Place] = set()
        for event in self.events:
            if isinstance(event, RequestWaiting):
                waiting.add(places[event.request_id])
            elif isinstance(event, AttemptStarted):
                place = places[event.request_id]
                waiting.discard(place)
                yield from ((place, earlier) for earlier in waiting if earlier < place)
