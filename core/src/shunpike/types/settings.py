"""Settings after files, environment and arguments have been merged. Secrets are masked wherever they are shown."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator

from shunpike.types.answer import Timeouts
from shunpike.types.base import Record
from shunpike.types.limits import Cap, Limit
from shunpike.types.money import MOST, Money

PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
DIRECT = ("", "none", "direct")
"""What ``proxy`` says where no proxy is to be used, whatever the variables say."""


class ProviderSettings(Record):
    """One provider's section. A field that is None takes what the provider's own catalog says."""

    enabled: bool = True
    plugin: str | None = None
    """The provider whose plugin serves this section; None = the section's own name."""
    key: SecretStr | None = Field(default=None, repr=False)
    key_env: str | None = None
    """The variable that holds the key, where it is not the provider's own."""
    base_url: str | None = None
    tier: str | None = None
    price: Literal["list", "free"] = "list"
    """``free`` declares an endpoint of one's own that costs nothing."""
    account: str = "default"
    """Keys of one account share its limits under one name."""
    order: int | None = None
    models: tuple[str, ...] = ()
    """Where not empty: only these models, in this order of preference."""
    limits: tuple[Limit | Cap, ...] = ()
    """Limits of the operator's own, beside the provider's: the smaller holds, unless it ``overrides``."""
    pace: str | None = None
    """How quotas are spread over their windows here; None = as for all."""
    timeouts: Timeouts = Timeouts()
    proxy: str | None = Field(default=None, repr=False)
    """The proxy that is asked through, such as ``http://proxy.example:3128``; ``none`` = directly; None = what the
    variables ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` say. Never for this machine itself."""
    ca_file: str | None = None
    """A file of certificates (PEM) of authorities that are trusted here, too; None = as for all."""
    headers: dict[str, str] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    transport: Any = Field(default=None, exclude=True, repr=False)
    """An ``httpx.AsyncBaseTransport`` of the caller's own; never read from a file."""
    clock: Any = Field(default=None, exclude=True, repr=False)
    """The `Clock` that the provider's headers and errors are timed by: the client's own; never read from a file."""

    environ: Any = Field(default=None, exclude=True, repr=False)
    """The variables that name proxies and certificates: those that the client was made with; never read from a file."""

    @property
    def own_endpoint(self) -> bool:
        """Whether this is an endpoint of the owner's own: nothing of the plugin's catalog, keys or limits holds."""
        return self.price == "free" and self.base_url is not None


PACE = r"none|smooth|(?:smooth, *)?reserve (?P<percent>[1-9][0-9]?)% for interactive"
"""What may be said about the pace."""


class Budget(Record):
    """A hard bound on money: ``period`` in ``zone``; ``provider`` None = all together."""

    amount: Money
    period: Literal["day", "month", "lifetime"]
    zone: str = "UTC"
    provider: str | None = None

    @field_validator("amount")
    @classmethod
    def _bounded(cls, value: Money) -> Money:
        if not 0 <= value.pico <= MOST:
            raise ValueError(f"{value} should be from nothing to a million dollars")
        return value


class Settings(Record):
    """Everything that can be configured."""

    strategy: str = "priority"
    strategy_options: dict[str, Any] = Field(default_factory=dict)
    order: tuple[str, ...] = ()
    """Providers in the order of preference; those left out follow in their own order."""
    allow_paid: bool = False
    budgets: tuple[Budget, ...] = ()
    pace: str = "none"
    """``none``, ``smooth``, ``reserve 20% for interactive``, or the last two with a comma: see ``ledger/pacing.py``."""
    pace_curve: float = Field(default=1.0, ge=1.0, le=8.0)
    """1 = never faster than what is left by the time to the reset; more = faster at first, slower near the limit."""
    reserve: Literal["worst", "learned"] = "worst"
    """What is held of token limits for an answer: its cap, or what answers of its task and model were seen to take
    (``ledger/counting.py``). Money is always held at the worst case."""
    min_output: int = Field(default=1024, ge=1)
    """Output tokens that a request which names no ``max_tokens`` gets at least: it waits, or goes elsewhere, where
    limits and budgets leave less. Of a small budget the least is a quarter of it. At most it gets the model's own
    maximum (``ledger/output_cap.py``)."""
    max_attempts: int = Field(default=8, ge=1)
    deadline: float = Field(default=300.0, gt=0)
    """Seconds for a whole request, all attempts together."""
    wait: bool = True
    """Whether a request waits for a limit or budget that opens before its deadline. False: it fails at once."""
    attempt_share: float = Field(default=0.67, gt=0, le=1)
    """How much of the time that is left one attempt may take while a provider at another address is untried."""
    store: str | None = Field(default=None, repr=False)
    """Where the ledger lives, such as ``sqlite:/path/ledger.db``; None = the user's data folder."""
    ca_file: str | None = None
    """A file of certificates (PEM) of authorities of your own, such as a company's. They are trusted beside the usual
    ones, or those that ``SSL_CERT_FILE``, ``SSL_CERT_DIR``, ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE`` name."""
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    disabled_plugins: tuple[str, ...] = ()

    @field_validator("pace")
    @classmethod
    def _paced(cls, value: str) -> str:
        if not re.fullmatch(PACE, value):
            raise ValueError("should be none, smooth, or reserve 20% for interactive")
        return value

    @field_validator("providers")
    @classmethod
    def _named(cls, value: dict[str, ProviderSettings]) -> dict[str, ProviderSettings]:
        for name in value:
            if not name or "/" in name:
                raise ValueError(f"{name!r} can't name a provider: it must not be empty or hold a slash")
        return value
