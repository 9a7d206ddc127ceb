"""The protocol of a control store, and the rules that all of them keep.

``plugins/testkit`` holds any implementation against them: `ControlContract`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from shunpike.errors import StoreError
from shunpike.types.control import AuditEntry, Change, Controls, ControlSetting, Override, Signature, Subject, audited

MOST = 1_000
"""Overrides that may be in force at once."""
KEPT = 10_000
"""Revisions whose audit entries are kept."""
PAGE = 1_000
"""Audit entries that are read at once, at most."""

Key = tuple[Subject, str, ControlSetting]


class RevisionConflict(StoreError):
    """Somebody else changed something first: nothing was changed. Look again, and decide anew."""


@runtime_checkable
class ControlStore(Protocol):
    """Switches and overrides. Every method is atomic, and durable when it returns. Each raises `StoreError`."""

    async def controls(self) -> Controls:
        """Return all that is in force, as of one revision."""
        ...

    async def change(self, changes: Sequence[Change], signed: Signature, expected: int | None = None) -> Controls:
        """Make all of ``changes`` or none, as one revision, and return what is in force then.

        What is in force already is no change: where all of it is, the revision stays. Raises `RevisionConflict` where
        ``expected`` is given and not the revision, `StoreError` where more than `MOST` would be in force.
        """
        ...

    async def audit(self, before: int | None = None, limit: int = 100) -> Sequence[AuditEntry]:
        """Return entries newest first, those of a revision below ``before`` where that is given.

        What is older than the last `KEPT` revisions is forgotten; at most `PAGE` entries are returned.
        """
        ...

    async def revision(self) -> int:
        """Return the revision in force, as it was a fifth of a second ago at the oldest; our own changes at once.

        Asked before each attempt: most calls should read nothing.
        """
        ...


@runtime_checkable
class HasControl(Protocol):
    """A store of the ledger that comes with a control store."""

    @property
    def control(self) -> ControlStore:
        """The control store, of the same place."""
        ...


class Step(NamedTuple):
    """What one call of `ControlStore.change` comes to."""

    controls: Controls
    entries: tuple[AuditEntry, ...]
    """Empty where nothing changes."""


def stepped(now: Controls, changes: Sequence[Change], signed: Signature, expected: int | None) -> Step:
    """Return what ``changes`` make of ``now``. Raises as `ControlStore.change` does."""
    if expected is not None and expected != now.revision:
        raise RevisionConflict(
            f"the controls are at revision {now.revision}, not {expected}: somebody has changed them meanwhile",
            hint="look again: shunpike providers",
        )
    revision = now.revision + 1
    before: Mapping[Key, Override] = {one.key: one for one in now.overrides}
    after, entries = dict(before), []
    for change in changes:
        known = after.pop(change.key, None)
        was = None if known is None else known.value
        if change.value is not None:
            made = Override(**dict(change), revision=revision, signed=signed)
            after[change.key] = known if known is not None and was == change.value else made
        if was != change.value:
            entries.append(_entry(change, revision, signed, was))
    if not entries:
        return Step(now, ())
    if len(after) > max(MOST, len(before)):
        raise StoreError(f"{MOST:,} overrides are in force already", hint="take some back first")
    return Step(Controls(revision=revision, overrides=tuple(after[key] for key in sorted(after))), tuple(entries))


def _entry(change: Change, revision: int, signed: Signature, was: object) -> AuditEntry:
    return AuditEntry(
        revision=revision,
        signed=signed,
        subject=change.subject,
        name=change.name,
        setting=change.setting,
        before=audited(was),
        after=audited(change.value),
    )
