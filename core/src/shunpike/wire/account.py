"""Asks for an account's balance, where a dialect says how: beside `ChatBackend`."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from shunpike.types import Balance
from shunpike.wire.balance import read_balance
from shunpike.wire.chat import ChatBackend
from shunpike.wire.probe import ModelsProbe


class BalanceBackend(ChatBackend):
    """A `ChatBackend` whose dialect has a ``[dialect.balance]``."""

    async def balance(self) -> Sequence[Balance]:
        """Return what is left, a row for each currency. Costs no quota. Raises `ProviderError`."""
        where = self.dialect.balance
        if where is None:
            raise self._malformed("its dialect does not say where the balance is")
        reply = await self.http.get(where.path, self.settings.timeouts)
        data = self._data(reply, whole=True)
        return read_balance(data, where, self.clock.now())


class AccountProbe(ModelsProbe):
    """Asks for the models and then for the balance: some show their models to anybody, whatever the key."""

    def __init__(self, backend: BalanceBackend) -> None:
        super().__init__(backend)
        self._account = backend

    @override
    async def check(self) -> str:
        words = await super().check()
        await self._account.balance()
        return words
