"""The contract that every control store is held against.

    class TestMyControl(ControlContract):
        @asynccontextmanager
        async def opened(self, place: Path) -> AsyncIterator[ControlStore]:
            async with MyStore(place / "ledger") as store:
                yield store.control

``place`` is an empty folder, the same one for all stores of a test. Tests run on both event loops where the fixture
``anyio_backend`` says so.
"""

from __future__ import annotations

import random
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike.control.client_keys import ClientKeys, issued, kept_as
from shunpike.control.store import MOST, ControlStore, RevisionConflict, stepped
from shunpike.errors import StoreError
from shunpike.types import Budget, Cap, Limit, Money, Rolling, Unit
from shunpike.types.client_key import ClientBounds
from shunpike.types.control import UNCONTROLLED, AuditEntry, Change, Controls, ControlSetting, Signature, Subject

AT = 1_780_000_000.0
FOLLOWS_WITHIN = 1.0
"""Seconds after which every process obeys a change."""
EVERYTHING, PROVIDER, ACCOUNT, MODEL, CLIENT = Subject
ENABLED, ORDER, LIMITS, MAX_ATTEMPTS, CLIENT_KEY = ControlSetting


def signed(why: str = "", at: float = AT, who: str = "ann@north") -> Signature:
    """Return who changes something, when and why."""
    return Signature(at=at, who=who, why=why)


def switch(name: str, value: bool | None = False, subject: Subject = PROVIDER) -> Change:
    """Return the change that switches ``name`` off."""
    return Change(subject=subject, name=name, setting=ENABLED, value=value)


def bare(controls: Controls) -> dict[str, Any]:
    """Return name → value of what is in force."""
    return {one.name: one.value for one in controls.overrides}


async def follows(store: ControlStore, revision: int) -> None:
    """Wait until ``store`` knows of a revision that another process made, not longer than it may take."""
    with anyio.fail_after(FOLLOWS_WITHIN):
        while await store.revision() != revision:  # noqa: ASYNC110 - it is asked
            await anyio.sleep(0.01)


class ControlContract:
    """Inherit, say how to open a store, and the laws of controls are tested."""

    persistent = True
    """False for a store that forgets everything when it is closed."""
    shared = True
    """Whether two stores opened on one place see each other."""

    pytestmark = pytest.mark.anyio

    def opened(self, place: Path) -> AbstractAsyncContextManager[ControlStore]:
        """Open a store on ``place``, closed at the end; what was there before must be found again."""
        raise NotImplementedError

    async def test_where_nothing_was_changed_files_and_variables_hold(self, tmp_path: Path) -> None:
        """The revision is 0."""
        async with self.opened(tmp_path) as store:
            assert await store.controls() == UNCONTROLLED
            assert await store.revision() == 0
            assert list(await store.audit()) == []

    async def test_a_change_tells_who_made_it_when_and_why(self, tmp_path: Path) -> None:
        """What `change` returns and what is read afterwards are the same."""
        async with self.opened(tmp_path) as store:
            made = await store.change([switch("north")], signed("it bills twice"))
            assert await store.controls() == made
            (one,) = made.overrides
            assert (one.key, one.value, one.revision) == ((PROVIDER, "north", ENABLED), False, 1)
            assert one.signed == signed("it bills twice")
            assert made.revision == await store.revision() == 1
            assert made.switched_off("north", "any of its accounts") == one

    async def test_what_is_taken_back_leaves_no_trace_but_in_the_audit(self, tmp_path: Path) -> None:
        """Files and variables hold again."""
        async with self.opened(tmp_path) as store:
            await store.change([switch("north")], signed("off"))
            after = await store.change([switch("north", None)], signed("mended", at=AT + 60, who="bob@south"))
            assert (after.revision, after.overrides) == (2, ())
            last, first = await store.audit()
            assert last == AuditEntry(
                revision=2,
                signed=signed("mended", at=AT + 60, who="bob@south"),
                subject=PROVIDER,
                name="north",
                setting=ENABLED,
                before=False,
                after=None,
            )
            assert (first.revision, first.before, first.after, first.signed.why) == (1, None, False, "off")

    async def test_what_is_in_force_already_is_no_change(self, tmp_path: Path) -> None:
        """Who was first stays on record, and nothing is to be followed."""
        async with self.opened(tmp_path) as store:
            first = await store.change([switch("north")], signed("first"))
            assert await store.change([switch("north")], signed("second")) == first
            assert await store.change([switch("south", None)], signed("was never off")) == first
            assert await store.revision() == 1
            assert len(await store.audit()) == 1

    async def test_several_changes_are_one_revision(self, tmp_path: Path) -> None:
        """Whoever follows sees all of them or none."""
        order = Change(subject=EVERYTHING, setting=ORDER, value=["north", "south"])
        async with self.opened(tmp_path) as store:
            made = await store.change([switch("north"), switch("south"), order], signed())
            assert made.revision == 1
            assert {one.revision for one in made.overrides} == {1}
            assert bare(made) == {"north": False, "south": False, "": ["north", "south"]}
            assert [one.revision for one in await store.audit()] == [1, 1, 1]

    async def test_who_decided_by_an_older_revision_changes_nothing(self, tmp_path: Path) -> None:
        """And is told so."""
        async with self.opened(tmp_path) as store:
            await store.change([switch("north")], signed(), expected=0)
            with pytest.raises(RevisionConflict):
                await store.change([switch("south")], signed(), expected=0)
            assert bare(await store.controls()) == {"north": False}
            assert (await store.change([switch("south")], signed(), expected=1)).revision == 2

    async def test_of_two_who_decided_by_the_same_revision_one_wins(self, tmp_path: Path) -> None:
        """Also where both ask at once."""
        won: list[str] = []

        async def decide(store: ControlStore, name: str) -> None:
            try:
                await store.change([switch(name)], signed(), expected=0)
            except RevisionConflict:
                return
            won.append(name)

        async with self.opened(tmp_path) as store, anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(decide, store, f"p-{number}")
        assert len(won) == 1

    async def test_changes_made_at_once_all_stand_one_after_the_other(self, tmp_path: Path) -> None:
        """Each has a revision of its own, and the audit knows all."""
        async with self.opened(tmp_path) as store:
            async with anyio.create_task_group() as group:
                for number in range(16):
                    group.start_soon(store.change, [switch(f"p-{number}")], signed(f"{number}"))
            after, entries = await store.controls(), await store.audit()
            assert sorted(one.revision for one in after.overrides) == list(range(1, 17))
            assert [one.revision for one in entries] == list(range(16, 0, -1))
            assert {one.name: one.revision for one in entries} == {one.name: one.revision for one in after.overrides}

    async def test_values_come_back_as_they_were(self, tmp_path: Path) -> None:
        """Limits, orders, numbers and switches, of everything that can have them."""
        limits = (Limit(unit=Unit.REQUEST, amount=3, window=Rolling(seconds=60)), Cap(percent=80))
        changes = [
            switch("north"),
            switch("work", True, ACCOUNT),
            switch("north/m-1/large", False, MODEL),
            Change(subject=EVERYTHING, setting=MAX_ATTEMPTS, value=3),
            Change(subject=EVERYTHING, setting=ORDER, value=("b", "ä/ö")),
            Change(subject=ACCOUNT, name="north", setting=ORDER, value=-5),
            Change(subject=ACCOUNT, name="north", setting=LIMITS, value=limits),
        ]
        async with self.opened(tmp_path) as store:
            await store.change(changes, signed())
            found = {one.key: one.typed for one in (await store.controls()).overrides}
            assert found == {one.key: one.typed for one in changes}
            assert found[ACCOUNT, "north", LIMITS] == limits

    async def test_a_client_key_comes_back_as_it_was_and_no_audit_has_its_hash(self, tmp_path: Path) -> None:
        """Its bounds included."""
        budget = Budget(amount=Money.usd("0.5"), period="month", counts="list_value")
        limit = Limit(unit=Unit.REQUEST, amount=3, window=Rolling(seconds=60))
        bounds = ClientBounds(budgets=(budget,), limits=(limit,), models=("fast",), expires_at=AT + 1)
        key, made = issued(bounds, AT)
        revoked = made.model_copy(update={"revoked_at": AT + 2})
        async with self.opened(tmp_path) as store:
            for kept in (made, revoked, None):
                await store.change([kept_as("ann", kept)], signed())
                found = ClientKeys(await store.controls()).find(key)
                assert (found and found.key) == kept
            told = str(await store.audit())
            assert made.shown in told
            assert made.sha256 not in told

    async def test_any_text_can_be_a_name_or_a_reason(self, tmp_path: Path) -> None:
        """What is kept is what the change says, as databases can keep it."""
        odd = "'; DROP TABLE x; -- %s ? \U0001f600 \0 \ud800 ünïcode\n" + "x" * 200
        change, by = switch(odd), signed(odd, who=odd[:60])
        async with self.opened(tmp_path) as store:
            (one,) = (await store.change([change], by)).overrides
            assert (one.name, one.signed) == (change.name, by)
            assert await store.controls() == Controls(revision=1, overrides=(one,))
            assert [entry.signed for entry in await store.audit()] == [by]

    async def test_no_more_than_so_many_overrides_are_in_force(self, tmp_path: Path) -> None:
        """What does not fit changes nothing; what is taken back makes room."""
        async with self.opened(tmp_path) as store:
            await store.change([switch(f"p-{number}") for number in range(MOST)], signed())
            with pytest.raises(StoreError):
                await store.change([switch("p-0", None), switch("one"), switch("two")], signed())
            assert (await store.controls()).revision == 1
            await store.change([switch("p-0", None), switch("one")], signed())
            assert len((await store.controls()).overrides) == MOST

    async def test_the_audit_is_read_page_by_page(self, tmp_path: Path) -> None:
        """Newest first, each page older than the one before."""
        async with self.opened(tmp_path) as store:
            for number in range(1, 6):
                await store.change([switch("north", None if number % 2 == 0 else False)], signed(f"{number}"))
            assert [one.signed.why for one in await store.audit(limit=2)] == ["5", "4"]
            assert [one.signed.why for one in await store.audit(before=4, limit=2)] == ["3", "2"]
            assert [one.signed.why for one in await store.audit(before=2)] == ["1"]
            assert list(await store.audit(before=1)) == []

    async def test_another_process_sees_a_change(self, tmp_path: Path) -> None:
        """With its revision, which tells it that there is one."""
        if not self.shared:
            pytest.skip("shared is False")
        async with self.opened(tmp_path) as one, self.opened(tmp_path) as other:
            assert await other.revision() == 0
            made = await one.change([switch("north")], signed())
            await follows(other, 1)
            assert await other.controls() == made
            back = await other.change([switch("north", None)], signed(), expected=1)
            assert await one.controls() == back

    async def test_changes_of_several_processes_at_once_all_stand(self, tmp_path: Path) -> None:
        """None overwrites another's."""
        if not self.shared:
            pytest.skip("shared is False")
        async with self.opened(tmp_path) as one, self.opened(tmp_path) as other:
            async with anyio.create_task_group() as group:
                for number in range(8):
                    group.start_soon(one.change, [switch(f"one-{number}")], signed())
                    group.start_soon(other.change, [switch(f"other-{number}")], signed())
            after = await one.controls()
            assert after == await other.controls()
            assert sorted(override.revision for override in after.overrides) == list(range(1, 17))

    async def test_what_was_changed_outlives_the_process(self, tmp_path: Path) -> None:
        """And so does its audit."""
        if not self.persistent:
            pytest.skip("persistent is False")
        async with self.opened(tmp_path) as store:
            made = await store.change([switch("north"), switch("south")], signed("off"))
            entries = await store.audit()
        async with self.opened(tmp_path) as store:
            assert await store.controls() == made
            assert await store.audit() == entries

    @pytest.mark.parametrize("seed", range(3))
    async def test_any_sequence_of_changes_comes_to_what_the_rules_say(self, tmp_path: Path, seed: int) -> None:
        """The rules are one pure function, which this store's state is compared with after each change."""
        dice = random.Random(seed)  # noqa: S311 - no secret
        known, entries = UNCONTROLLED, list[AuditEntry]()
        async with self.opened(tmp_path) as store:
            for number in range(30):
                names = dice.sample(["a", "b", "c"], dice.randint(1, 3))
                changes = [switch(name, dice.choice([True, False, None])) for name in names]
                by = signed(f"{number}", at=AT + number)
                known, made = stepped(known, changes, by, None)
                entries += made
                assert await store.change(changes, by) == known
                assert await store.controls() == known
            assert list(await store.audit()) == entries[::-1]
