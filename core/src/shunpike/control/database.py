"""The control store on a `Database`: SQLite's and PostgreSQL's alike, the SQL written once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from shunpike.control.store import KEPT, PAGE, ControlStore, Step, stepped
from shunpike.storage import Database, Migrations, Row, Transaction
from shunpike.types.control import AuditEntry, Change, Controls, ControlSetting, Override, Signature, Subject

TOPIC = "control"
MIGRATIONS = Migrations(
    store="control",
    steps=(
        (
            "CREATE TABLE control_revision (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL) STRICT",
            "INSERT INTO control_revision VALUES (1, 0)",
            """CREATE TABLE control_overrides (
                subject TEXT NOT NULL,
                name TEXT NOT NULL,
                setting TEXT NOT NULL,
                value TEXT NOT NULL,
                revision INTEGER NOT NULL,
                at REAL NOT NULL,
                who TEXT NOT NULL,
                why TEXT NOT NULL,
                PRIMARY KEY (subject, name, setting)
            ) STRICT, WITHOUT ROWID""",
            """CREATE TABLE control_audit (
                revision INTEGER NOT NULL,
                place INTEGER NOT NULL,
                at REAL NOT NULL,
                who TEXT NOT NULL,
                why TEXT NOT NULL,
                subject TEXT NOT NULL,
                name TEXT NOT NULL,
                setting TEXT NOT NULL,
                value_before TEXT,
                value_after TEXT,
                PRIMARY KEY (revision, place)
            ) STRICT, WITHOUT ROWID""",
        ),
    ),
)

_LOCK = "UPDATE control_revision SET revision = revision RETURNING revision"
"""Whoever changes something waits for whoever was first."""
_READ = """
SELECT state.revision, subject, name, setting, value, one.revision, at, who, why
FROM control_revision AS state LEFT JOIN control_overrides AS one ON true"""
"""One statement, so that revision and overrides are of one moment."""
_SET = """
INSERT INTO control_overrides (subject, name, setting, value, revision, at, who, why)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_TAKE_BACK = "DELETE FROM control_overrides WHERE subject = ? AND name = ? AND setting = ?"
_WRITE_DOWN = """
INSERT INTO control_audit (revision, place, at, who, why, subject, name, setting, value_before, value_after)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_AUDIT = """
SELECT revision, at, who, why, subject, name, setting, value_before, value_after FROM control_audit
WHERE revision < ? ORDER BY revision DESC, place DESC LIMIT ?"""
_NEWEST = 2**62


class DatabaseControl(ControlStore):
    """Switches and overrides in tables of their own, beside the ledger's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.enroll(MIGRATIONS)

    @override
    async def controls(self) -> Controls:
        return await self._database.read(_controls)

    @override
    async def change(self, changes: Sequence[Change], signed: Signature, expected: int | None = None) -> Controls:
        """Make all of ``changes`` or none. Raises `RevisionConflict` and `StoreError`, as the protocol says."""

        async def work(tx: Transaction) -> Controls:
            await tx.rows(_LOCK)
            step = stepped(await _controls(tx), changes, signed, expected)
            await _write(tx, step)
            return step.controls

        controls: Controls
        [controls] = await self._database.transaction(work)
        return controls

    @override
    async def audit(self, before: int | None = None, limit: int = 100) -> Sequence[AuditEntry]:
        async def work(tx: Transaction) -> Sequence[AuditEntry]:
            rows = await tx.rows(_AUDIT, _NEWEST if before is None else before, min(limit, PAGE))
            return [_entry(row) for row in rows]

        return await self._database.read(work)

    @override
    async def revision(self) -> int:
        # Each revision is announced once, so that the database counts as we do.
        return await self._database.revision(TOPIC)


async def _controls(tx: Transaction) -> Controls:
    rows = await tx.rows(_READ)
    overrides = sorted((_override(row) for _, *row in rows if row[0] is not None), key=lambda one: one.key)
    return Controls(revision=rows[0][0], overrides=tuple(overrides))


def _override(row: Sequence[Any]) -> Override:
    subject, name, setting, value, revision, at, who, why = row
    return Override(
        subject=Subject(subject),
        name=name,
        setting=ControlSetting(setting),
        value=json.loads(value),
        revision=revision,
        signed=Signature(at=at, who=who, why=why),
    )


def _entry(row: Row) -> AuditEntry:
    revision, at, who, why, subject, name, setting, before, after = row
    return AuditEntry(
        revision=revision,
        signed=Signature(at=at, who=who, why=why),
        subject=Subject(subject),
        name=name,
        setting=ControlSetting(setting),
        before=None if before is None else json.loads(before),
        after=None if after is None else json.loads(after),
    )


async def _write(tx: Transaction, step: Step) -> None:
    """Write what a step changed, and forget what is older than is kept."""
    if not step.entries:
        return
    for place, entry in enumerate(step.entries):
        key, signature = (entry.subject.value, entry.name, entry.setting.value), entry.signed
        before, after = (None if value is None else json.dumps(value) for value in (entry.before, entry.after))
        made = step.controls.find(entry.subject, entry.name, entry.setting)
        signed = signature.at, signature.who, signature.why
        await tx.execute(_TAKE_BACK, *key)
        if made is not None:
            await tx.execute(_SET, *key, json.dumps(made.value), entry.revision, *signed)
        await tx.execute(_WRITE_DOWN, entry.revision, place, *signed, *key, before, after)
    revision = step.controls.revision
    await tx.execute("UPDATE control_revision SET revision = ?", revision)
    await tx.execute("DELETE FROM control_audit WHERE revision <= ?", revision - KEPT)
    await tx.announce(TOPIC)
