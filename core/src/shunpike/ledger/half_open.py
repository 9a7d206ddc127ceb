"""The blocks that a store works with: what is closed, who tests it, and what a test decides.

A block that says more than the limit it names can mean is *doubtful*: it is kept, but from ``test_at`` on one attempt
at a time may test it ("half-open", as circuit breakers call it). The lease of the test is the attempt's, across all
processes, and ends with its settlement:

| how the test ended              | the block                                                              |
| ------------------------------- | ------------------------------------------------------------------------ |
| answered                        | is opened                                                                |
| refused, by this bucket         | is replaced by what was said now                                         |
| refused, by another             | stays, and is tested again after as long a wait                          |
| anything else, or never settled | stays, and may be tested by the next attempt                             |
"""

from __future__ import annotations

from collections.abc import Callable

from shunpike.ledger.rows import BlockRow
from shunpike.types import Block, Reservation, Settlement
from shunpike.types.ledger import BAD


def may_test(block: Block, now: float) -> bool:
    """Return whether an attempt that is admitted ``now`` may be the test of a block."""
    return block.test_at is not None and block.test_at <= now and block.tester is None


def after_test(block: Block, settlement: Settlement) -> Block | None:
    """Return what becomes of a block whose test ended, and did not close it anew; None = it is open."""
    if settlement.outcome == "ok" or settlement.outcome.startswith(BAD):  # It answers, if badly.
        return None
    test_at = block.test_at
    if test_at is not None and any(not one.failures for one in settlement.blocks):
        test_at = settlement.at + max(0.0, test_at - block.at)
    return block.model_copy(update={"test_at": test_at, "tester": None})


class Blocks:
    """Bucket → block, as far as a store knows or needs them, and what is to be written of them."""

    def __init__(self) -> None:
        self.known: dict[str, Block] = {}
        self._tests: dict[str, set[str]] = {}
        """Attempt → the buckets that it tests."""
        self._changed: dict[str, tuple[float, bool]] = {}
        """Bucket → what is told of it in `BlockRow`: beyond, certain."""
        self._opened: set[str] = set()

    def bring(self, block: Block) -> None:
        """Take in a block as it is kept."""
        before = self.known.get(block.bucket)
        if before is not None and before.tester is not None:
            self._tests.get(before.tester, set()).discard(block.bucket)
        self.known[block.bucket] = block
        if block.tester is not None:
            self._tests.setdefault(block.tester, set()).add(block.bucket)

    def begin(self, reservation: Reservation) -> None:
        """Make an attempt that was judged to fit the test of what it may test."""
        for hold in reservation.holds:
            block = self.known.get(hold.bucket)
            if block is not None and block.until > reservation.reserved_at and may_test(block, reservation.reserved_at):
                self._keep(block.model_copy(update={"tester": reservation.attempt_id}), block.until, certain=True)

    def end(self, attempt_id: str, settlement: Settlement, beyond: Callable[[str], float]) -> None:
        """End the tests of an attempt, and take in what it closes.

        Args:
            beyond: For a bucket: until later than this, only a clock that was ahead can have closed it.

        """
        for bucket in settlement.opens:
            self.reopen(bucket)
            self._open(bucket)
        tested = self._tests.pop(attempt_id, set())
        new = {block.bucket: block for block in settlement.blocks}
        for bucket in tested - new.keys():
            left = after_test(self.known.pop(bucket), settlement)
            if left is None:
                self._open(bucket)
            else:
                self._keep(left, left.until, certain=True)
        for bucket, block in new.items():
            known, latest = self.known.get(bucket), beyond(bucket)
            ahead = known is not None and not known.is_freeze and known.until > latest
            if known is None or bucket in tested or block.until > known.until or ahead:
                self._keep(block, latest, certain=bucket in tested)

    def _keep(self, block: Block, beyond: float, *, certain: bool) -> None:
        self.bring(block)
        # One that was opened in the same batch is still in the store, perhaps with a later end: that is over.
        certain = certain or block.bucket in self._opened
        self._opened.discard(block.bucket)
        self._changed[block.bucket] = beyond, certain

    def _open(self, bucket: str) -> None:
        self._changed.pop(bucket, None)
        self._opened.add(bucket)

    def take_rows(self, ahead: float = 0.0) -> list[BlockRow]:
        """Return the blocks that are to be written, by a clock that is ``ahead``, and begin a new list."""
        changed, self._changed = self._changed, {}
        return [
            self._row(self.known[bucket].moved(ahead), beyond + ahead, certain=certain)
            for bucket, (beyond, certain) in changed.items()
        ]

    def _row(self, one: Block, beyond: float, *, certain: bool) -> BlockRow:
        return BlockRow(
            one.bucket,
            one.until,
            one.reason,
            one.at,
            one.origin,
            one.test_at,
            one.tester,
            one.failures,
            one.kind,
            beyond,
            int(certain),
        )

    def move(self, seconds: float) -> None:
        """Follow a clock that was set."""
        self.known = {bucket: block.moved(seconds) for bucket, block in self.known.items()}

    def keep_changes(self) -> None:
        """Begin new lists of what is to be written: it is not."""
        self._changed.clear()
        self._opened.clear()

    def take_opened(self) -> list[str]:
        """Return the buckets whose blocks are to be removed, and begin a new list."""
        opened, self._opened = self._opened, set()
        return sorted(opened)

    def forget(self, now: float) -> None:
        """Drop what time has opened."""
        for bucket in [name for name, block in self.known.items() if block.until <= now]:
            self.reopen(bucket)

    def reopen(self, bucket: str) -> Block | None:
        """Forget a block by hand; return it as it was."""
        block = self.known.pop(bucket, None)
        if block is not None and block.tester is not None:
            self._tests.get(block.tester, set()).discard(bucket)
        return block
