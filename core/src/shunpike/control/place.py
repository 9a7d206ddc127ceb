"""Where the controls of a process are: in the place of its ledger, if that can keep them."""

from __future__ import annotations

from shunpike.control.database import DatabaseControl
from shunpike.control.store import ControlStore, HasControl
from shunpike.storage import HasDatabase


def control_of(store: object) -> ControlStore | None:
    """Return the control store of a ledger's store; None where that keeps a ledger and nothing else."""
    if isinstance(store, HasControl):
        return store.control
    return DatabaseControl(store.database) if isinstance(store, HasDatabase) else None
