"""Who asks, where several share one ledger: a client key of a gateway, a team, an experiment."""

from __future__ import annotations

from pydantic import Field

from shunpike.types.base import Record
from shunpike.types.limit_updates import Text
from shunpike.types.limits import Limit
from shunpike.types.settings import Budget


class Principal(Record):
    """Who an attempt is made for, and what bounds it beside the operator's own bounds; all of them hold."""

    id: Text = Field(min_length=1)
    """What its buckets are named by: it stays the same while amounts change."""
    budgets: tuple[Budget, ...] = ()
    limits: tuple[Limit, ...] = ()
    """Such as requests a minute or calls at once, over all providers; ``scope`` is not looked at."""
