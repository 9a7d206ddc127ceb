"""The errors that every dialect has words for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from shunpike_sandbox.accounts import SimulatedAccount
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.limits import Hit
from shunpike_sandbox.refusals import ErrorReply
from shunpike_sandbox.visits import Visit


class DialectErrors(ABC):
    """What a provider says when it does not answer."""

    @abstractmethod
    def bad_key(self, key: str | None) -> ErrorReply:
        """Return the error for a key that opens nothing."""

    @abstractmethod
    def too_large(self) -> ErrorReply:
        """Return the error for a body beyond all bounds."""

    @abstractmethod
    def limited(self, visit: Visit, model: Model, hits: Sequence[Hit]) -> ErrorReply:
        """Return the error for a request over its limits."""

    @abstractmethod
    def overflow(self, prompt: int, wanted: int, model: Model) -> ErrorReply:
        """Return the error for a prompt that does not fit the context."""

    @abstractmethod
    def broke(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> ErrorReply:
        """Return the error for an account without money."""

    @abstractmethod
    def overloaded(self, visit: Visit) -> ErrorReply:
        """Return the error of a provider with too much to do."""

    @abstractmethod
    def internal(self, visit: Visit) -> ErrorReply:
        """Return the error of a provider that broke."""

    @abstractmethod
    def model_forbidden(self, visit: Visit) -> ErrorReply:
        """Return the 403 about a model that this account may not use."""

    @abstractmethod
    def model_ended(self, visit: Visit) -> ErrorReply:
        """Return the error for a model that is no more."""

    @abstractmethod
    def unsafe(self, visit: Visit) -> ErrorReply:
        """Return the refusal of a prompt for its content."""

    @abstractmethod
    def upstream(self, visit: Visit) -> ErrorReply:
        """Return a 429 that is no fault of the account."""
