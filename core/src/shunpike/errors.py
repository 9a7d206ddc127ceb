"""Everything that shunpike raises, sorted by what to do next.

    ShunpikeError                 root; catch this to catch all
    ├── UsageError                the call itself is wrong: a value the caller can correct   (exit 2)
    │   ├── WrongField            a record such as `Settings` is made with a field that can't be
    │   ├── DuplicateRequest      a request of that ``request_id`` runs, or was asked before: carries what became of it
    │   ├── PromptTooLarge        no model that may be asked has room for the prompt
    │   ├── UnknownProvider       no provider of that name is installed
    │   └── UnknownModel          no installed provider has that model, or it was retired
    ├── ConfigError               a file, variable or argument holds something impossible   (exit 3)
    ├── NoCredential              nothing can answer because no key is set                  (exit 4)
    ├── PluginError               a plugin broke the contract; names it   (exit 3, in an attempt 6)
    ├── StoreError                the ledger can't be read or written: nothing is sent
    │   └── AttemptExists         an attempt of that id was admitted before
    ├── ProviderError             one attempt at one provider failed             (exit 6)
    │   ├── AuthError             this key, not before it is changed or a growing time has passed  (exit 4)
    │   ├── RequestError          this request, nowhere                          (exit 2)
    │   ├── NotHere               this model or this size, elsewhere
    │   ├── RateLimited           later, or elsewhere now: carries ``limit`` and ``retry_at``  (exit 5)
    │   ├── QuotaExhausted        after the reset, or elsewhere: carries ``limit`` and ``reset_at``  (exit 5)
    │   ├── CreditsExhausted      no money left on that account
    │   ├── Overloaded            the provider is in trouble: elsewhere now, back-off here
    │   ├── Interrupted           a stream broke off before its end
    │   └── BadAnswer             empty, truncated, refused or invalid: ``kind`` tells which
    └── Exhausted                 every candidate is closed: lists each, with what blocks it (exit 2 to 6)

All are picklable, and a key in their words is masked. Status and documented code decide the class, never prose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from shunpike.masking import masked

if TYPE_CHECKING:
    from shunpike.types.bill import Bill
    from shunpike.types.decision import Decision
    from shunpike.types.limits import Evidence
    from shunpike.types.money import Money


def _rebuild(cls: type[ShunpikeError], message: str, state: dict[str, object]) -> ShunpikeError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class ShunpikeError(Exception):
    """Root of all errors; ``hint`` is the next thing to type or change, and ``str`` shows it after the message."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(masked(str(message)))
        self.hint = None if hint is None else masked(str(hint))
        self.request_id: str | None = None

    @property
    def message(self) -> str:
        """The sentence for a person, without the hint."""
        return str(self.args[0]) if self.args else ""

    @override
    def __str__(self) -> str:
        """The sentence and, on a line of its own, the hint: a traceback and a log show what to do next."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    @override
    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling: errors cross process borders when work is queued."""
        return _rebuild, (type(self), self.message, dict(vars(self)))


class UsageError(ShunpikeError):
    """The call holds a value that can't work anywhere; the message names it."""

    exit_code = 2


class WrongField(UsageError, ValueError):
    """A record, such as `Settings` or `Message`, is made with a field that can't be; also a `ValueError`."""


class DuplicateRequest(UsageError):
    """A request of this ``request_id`` runs here, or the ledger knows it: nothing was sent, nothing is paid.

    ``outcome`` is ``running``, ``answered``, ``failed``, ``unconfirmed``, ``held`` by a process that runs or died, or
    ``known`` where no more can be told; ``started_at`` (epoch seconds) is of its last attempt, ``cost`` of all of them.
    """

    outcome: str = "running"
    started_at: float | None = None
    cost: Money | None = None


class PromptTooLarge(UsageError):
    """The prompt takes about ``tokens``, more than anybody has room for who may be asked: ``most_tokens`` at best."""

    tokens: int = 0
    most_tokens: int = 0


class UnknownProvider(UsageError):
    """No provider of this name is installed."""


class UnknownModel(UsageError):
    """No installed provider offers this model, or it was retired (``successor`` then names the next)."""

    def __init__(self, message: str, *, hint: str | None = None, successor: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.successor = successor


class ConfigError(ShunpikeError):
    """A configuration value is impossible; the message names where it came from."""

    exit_code = 3


class ConfigWarning(UserWarning):
    """Something in the configuration does not hold, and why; Python's own `warnings` tell it."""


class NoCredential(ShunpikeError):
    """Nothing can answer: no provider has a key and no sandbox is installed."""

    exit_code = 4


class PluginError(ShunpikeError):
    """A plugin broke its contract; ``plugin`` names it.

    In an attempt (``attempted``) the next candidate is asked, and it counts as sent unless surely nothing left.
    """

    exit_code = 3
    kind: ClassVar[str] = "plugin"
    status: ClassVar[int | None] = None
    elsewhere: ClassVar[bool] = True
    billed: ClassVar[bool | None] = None
    evidence: ClassVar[tuple[Evidence, ...]] = ()

    def __init__(self, message: str, *, plugin: str, hint: str | None = None) -> None:
        off = f'upgrade or uninstall its package (shunpike plugins), or switch it off: disabled_plugins = ["{plugin}"]'
        super().__init__(message, hint=hint or off)
        self.plugin = plugin
        self.attempted = False


class StoreError(ShunpikeError):
    """The ledger can't be read or written; as nothing may leave unrecorded, nothing is sent."""


class AttemptExists(StoreError):
    """An attempt of this id was admitted before: a store admits each once."""


class ProviderError(ShunpikeError):
    """One attempt at one provider failed."""

    exit_code = 6
    kind: str = "provider_error"
    """A stable word for logs, JSON and the decision record; more exact than the class."""
    elsewhere: bool = True
    """Whether another provider may succeed with the same request."""
    billed: bool | None = None
    """Whether the provider charges for the failed attempt; None = nobody knows."""
    bill: Bill | None = None
    """What the provider stated of usage and cost beside the failure: it is booked."""
    evidence: tuple[Evidence, ...] = ()
    """What the refusal taught about limits: the headers and the body of a 429 know most."""

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        model: str | None = None,
        status: int | None = None,
        kind: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.provider = provider
        self.model = model
        self.status = status
        self.provider_request_id: str | None = None
        if kind is not None:
            self.kind = kind


class AuthError(ProviderError):
    """The key was refused; kinds: ``auth``, ``permission``, ``region``."""

    exit_code = 4
    kind = "auth"
    billed = False


class RequestError(ProviderError):
    """The provider understood the request and refused it; kinds: ``invalid_request``, ``content_filter``."""

    exit_code = 2
    kind = "invalid_request"
    elsewhere = False
    billed = False


class NotHere(ProviderError):
    """Not here; kinds: ``not_found``, ``retired``, ``tier``, ``context_overflow``, ``too_large``, ``unsupported``.

    ``tier`` is a model that exists and that this account may not use; ``unsupported`` says nothing of other requests.
    """

    kind = "not_found"
    billed = False


class RateLimited(ProviderError):
    """Too fast. ``retry_at`` is epoch seconds, or None where the provider does not say."""

    exit_code = 5
    kind = "rate_limited"
    billed = False
    retry_at: float | None = None
    limit: str | None = None


class QuotaExhausted(ProviderError):
    """A day's or month's quota is used up. ``reset_at`` is epoch seconds on the provider's own clock."""

    exit_code = 5
    kind = "quota"
    billed = False
    reset_at: float | None = None
    limit: str | None = None


class CreditsExhausted(ProviderError):
    """The account has no money left; kinds: ``credits``, ``spend_cap``.

    ``reset_at`` is the moment (epoch seconds) at which a cap on spending opens again, None where nobody says.
    """

    kind = "credits"
    billed = False
    reset_at: float | None = None
    limit: str | None = None


class Overloaded(ProviderError):
    """The provider is in trouble; kinds: ``overloaded``, ``upstream``, ``timeout``, ``connection``, ``malformed``.

    ``unsent`` is no trouble of the provider's: too much time had passed before the first byte.
    """

    kind = "overloaded"
    retry_at: float | None = None


class Interrupted(ProviderError):
    """A stream ended without its end; what had arrived may be billed."""

    kind = "stream_interrupted"


class BadAnswer(ProviderError):
    """The answer is of no use; kinds: ``substituted`` and those in ``[fall_over]``, such as ``empty``, ``looping``."""

    kind = "empty"
    billed = True


class Exhausted(ShunpikeError):
    """No candidate can answer now; ``decision`` lists each with what blocks it, ``retry_at`` is the earliest moment."""

    def __init__(
        self, message: str, *, decision: Decision, retry_at: float | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.decision = decision
        self.retry_at = retry_at

    @property
    def quota_only(self) -> bool:
        """True when time alone opens a candidate, so that a later try can work."""
        return self.retry_at is not None


def said(error: BaseException) -> str:
    """Return what ``error`` says, without the hint of one of ours: a sentence that stands in another."""
    return error.message if isinstance(error, ShunpikeError) else str(error)
