"""Settings after files, environment and arguments have been merged. Secrets are masked wherever they are shown."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic.config import JsonDict

from shunpike.durations import span
from shunpike.types.aliases import ModelAlias, RoutingSettings, checked_aliases, checked_map, with_model_map
from shunpike.types.answer import Timeouts
from shunpike.types.base import ANY, Record
from shunpike.types.fall_over import FallOver
from shunpike.types.gateway_settings import GatewaySettings
from shunpike.types.limits import Cap, Limit, Unit
from shunpike.types.money import MOST, Money
from shunpike.types.written import Written

PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
DIRECT = ("", "none", "direct")
"""What ``proxy`` says where no proxy is to be used, whatever the variables say."""

NO_UNIT: JsonDict = {"unit": "-"}
SECONDS: JsonDict = {"unit": "seconds"}
"""Of the settings: their docstrings, examples and units are what `config/reference.py` makes the reference of."""


_Share = Annotated[float, Field(ge=0, le=1)]


class Pace(Written, Record):
    """How quotas are spread over their windows. In a provider's section, what is not set is as for all."""

    smooth: bool = Field(default=False, examples=[True], json_schema_extra=NO_UNIT)
    """Whether what is left is used no faster than the time to the reset allows; a tenth of a limit is free."""
    interactive_share: str = Field(default="0%", examples=["20%"], json_schema_extra={"unit": "share of a limit"})
    """What batches leave of every limit for those who wait."""
    curve: float = Field(default=1.0, ge=1.0, le=8.0, examples=[2], json_schema_extra={"unit": "exponent"})
    """1 = never faster than what is left by the time to the reset; more = faster at first, slower near the limit."""

    @field_validator("interactive_share")
    @classmethod
    def _share(cls, value: str) -> str:
        if not re.fullmatch("[1-9]?[0-9]%", value):
            raise ValueError('should be a share from "0%" to "99%"')
        return value

    @property
    def reserved(self) -> int:
        """Percent of every limit that batches leave alone."""
        return int(self.interactive_share.removesuffix("%"))

    def over(self, general: Self) -> Self:
        """Return what is set here, and of ``general`` what is not."""
        own = {name: getattr(self, name) for name in self.model_fields_set}
        return general.model_copy(update=own) if own else general


class ProviderSettings(Written, Record):
    """One provider's section. A field that is None takes what the provider's own catalog says."""

    model_config = ConfigDict(hide_input_in_errors=True)

    enabled: bool = Field(default=True, examples=[False], json_schema_extra=NO_UNIT)
    """Whether the provider is asked at all."""
    plugin: str | None = Field(default=None, examples=["other"], json_schema_extra=NO_UNIT)
    """The provider whose plugin serves this section; None = the section's own name."""
    key: SecretStr | None = Field(default=None, repr=False, examples=["sk-…"], json_schema_extra=NO_UNIT)
    """The key itself, which is rejected in a file: better are the provider's own variable and ``shunpike keys set``."""
    key_env: str | None = Field(default=None, examples=["MY_KEY"], json_schema_extra={"unit": "name of a variable"})
    """The variable that holds the key, where it is not the provider's own."""
    base_url: str | None = Field(
        default=None, examples=["http://localhost:11434/v1"], json_schema_extra={"unit": "address"}
    )
    """Where it is asked, instead of the provider's own address."""
    tier: str | None = Field(default=None, examples=["free"], json_schema_extra=NO_UNIT)
    """Which of the tiers in the provider's catalog your account is on: it decides limits and who pays; None = the
    catalog's ``default_tier``."""
    trains_on_prompts: bool | None = Field(default=None, examples=[False], json_schema_extra=NO_UNIT)
    """Whether the provider may use what you send for training, by your contract or your account's own settings; None =
    what its catalog says of the tier. A custom endpoint is taken for one that does not."""
    price: Literal["list", "free"] = Field(default="list", examples=["free"], json_schema_extra=NO_UNIT)
    """``free`` declares a custom endpoint, which costs nothing; ``list`` = the prices of the plugin's catalog."""
    account: str = Field(default="default", examples=["team"], json_schema_extra=NO_UNIT)
    """Keys of one account share its limits under one name."""
    order: int | None = Field(default=None, examples=[10], json_schema_extra={"unit": "place"})
    """Its place among the providers that the ``order`` of all does not name, the smallest first; None = the plugin's
    own."""
    models: tuple[str, ...] = Field(default=(), examples=[["m-large", "m-small"]], json_schema_extra={"unit": "ids"})
    """Where not empty: only these models, in this order of preference."""
    quality: dict[str, _Share] = Field(
        default_factory=dict, examples=[{"m-large": 0.8}], json_schema_extra={"unit": "from 0 to 1"}
    )
    """Model → how good its answers are, as you judge: what the strategy ``quality`` and ``min_quality`` go by, instead
    of the catalog's figure. ``*`` in a name stands for any characters; the first that fits holds."""
    limits: tuple[Limit | Cap, ...] = Field(
        default=(), examples=[[{"amount": "80%"}]], json_schema_extra={"unit": "see Limits of your own"}
    )
    """Limits of the operator's own, beside the provider's: the smaller holds, unless it ``overrides``."""
    pace: Pace = Pace()
    """How quotas are spread over their windows here; what is not set is as for all."""
    timeouts: Timeouts = Timeouts()
    proxy: str | None = Field(
        default=None, repr=False, examples=["http://proxy.example:3128"], json_schema_extra={"unit": "address"}
    )
    """The proxy that is asked through, such as ``http://proxy.example:3128``; ``none`` = directly; None = what the
    variables ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` say. Never for this machine itself."""
    ca_file: str | None = Field(default=None, examples=["/etc/ssl/company.pem"], json_schema_extra={"unit": "path"})
    """A file of certificates (PEM) of authorities that are trusted here, too; None = as for all."""
    headers: dict[str, str] = Field(
        default_factory=dict, examples=[{"X-Title": "my program"}], json_schema_extra=NO_UNIT
    )
    """HTTP headers that are sent with every request, beside the plugin's own. Not for a key: see ``key_env``."""
    options: dict[str, Any] = Field(
        default_factory=dict, examples=[{"region": "eu"}], json_schema_extra={"unit": "the plugin's own"}
    )
    """What only this provider's plugin knows: see its own page."""
    transport: Any = Field(default=None, exclude=True, repr=False)
    """An ``httpx.AsyncBaseTransport`` of the caller's own; never read from a file."""
    clock: Any = Field(default=None, exclude=True, repr=False)
    """The `Clock` that the provider's headers and errors are timed by: the client's own; never read from a file."""

    environ: Any = Field(default=None, exclude=True, repr=False)
    """The variables that name proxies and certificates: those that the client was made with; never read from a file."""

    @property
    def is_custom_endpoint(self) -> bool:
        """Whether this is a custom endpoint: nothing of the plugin's catalog, keys or limits holds."""
        return self.price == "free" and self.base_url is not None


class Budget(Written, Record):
    """A hard bound on money: ``period`` in ``zone``; ``provider`` None = all together."""

    amount: Money = Field(examples=["1.00"], json_schema_extra={"unit": "US dollars"})
    """What may be spent in one period; a text, as 1.00 is not exact."""
    period: Literal["day", "month", "lifetime"] = Field(examples=["day"], json_schema_extra=NO_UNIT)
    """When it begins anew: at midnight, on the first of a month, or never."""
    zone: str = Field(default="UTC", examples=["Europe/Berlin"], json_schema_extra={"unit": "IANA time zone"})
    """Whose midnight it is."""
    provider: str | None = Field(default=None, examples=["acme"], json_schema_extra=NO_UNIT)
    """The provider that it bounds; None = all together."""
    counts: Literal["cost", "list_value"] = Field(default="cost", examples=["list_value"], json_schema_extra=NO_UNIT)
    """What it bounds: ``cost`` = what is paid; ``list_value`` = what answers cost at list price, whoever pays, so that
    it bounds free tiers as well."""

    @property
    def unit(self) -> Unit:
        """The unit of the limit that it is."""
        return Unit.USD if self.counts == "cost" else Unit.LIST_USD

    @field_validator("amount")
    @classmethod
    def _bounded(cls, value: Money) -> Money:
        if not 0 <= value.pico <= MOST:
            raise ValueError(f"{value} should be from nothing to a million dollars")
        return value


class Settings(Written, Record):
    """Everything that can be configured."""

    model_config = ConfigDict(hide_input_in_errors=True)

    strategy: str = Field(default="priority", examples=["latency"], json_schema_extra=NO_UNIT)
    """The routing strategy that puts the candidates of a request in order: ``priority`` (your order), ``cost``,
    ``latency``, ``quality``, ``balanced``, ``spread`` (even use of what is free), or one of a plugin's."""
    strategy_options: dict[str, Any] = Field(
        default_factory=dict, examples=[{"weights": {"cost": 2}}], json_schema_extra={"unit": "the strategy's own"}
    )
    """What the strategy is told. ``balanced`` takes ``weights`` of ``cost``, ``latency``, ``quality`` and ``spread``, 1
    each where none is named; ``quality`` takes ``strong_share`` (0 to 1) and ``strong``, names or patterns of models;
    what a plugin's takes, it says."""
    affinity: bool = Field(default=True, examples=[False], json_schema_extra=NO_UNIT)
    """Whether a conversation stays on the model that answered its last turn, where the beginning of its prompt is
    cached, as long as that costs no more and is well. Off: each request goes where the strategy says."""
    affinity_idle: float = Field(default=600.0, gt=0, examples=[300], json_schema_extra=SECONDS)
    """Seconds after which a conversation that asks nothing loses its place; or a span such as "10m"."""
    default_model: str = Field(default=ANY, min_length=1, examples=["acme/m-large"], json_schema_extra=NO_UNIT)
    """What is asked where a request names no model: ``auto``, or anything else that a model may be called."""
    models: dict[str, ModelAlias] = Field(default_factory=dict)
    """Names of your own for models: see Aliases."""
    model_map: dict[str, str] = Field(
        default_factory=dict,
        exclude=True,
        examples=[{"*haiku*": "auto"}],
        json_schema_extra={"unit": "names of models"},
    )
    """Pattern → what is asked instead of a name that fits it and that nobody here has, such as a name that a program
    can't change; ``*`` and ``?`` stand for any characters, no case matters, and the first that fits holds."""
    routing: RoutingSettings = RoutingSettings()
    order: tuple[str, ...] = Field(default=(), examples=[["acme", "home"]], json_schema_extra={"unit": "names"})
    """Providers in the order of preference; those left out follow in their own order."""
    allow_paid: bool = Field(default=False, examples=[True], json_schema_extra=NO_UNIT)
    """Whether anything that costs money may be asked; a budget that bounds it is needed as well."""
    no_training: bool = Field(default=False, examples=[True], json_schema_extra=NO_UNIT)
    """Whether nobody is asked who may use prompts for training, or of whom that is not known: see the
    ``trains_on_prompts`` of providers."""
    budgets: tuple[Budget, ...] = Field(
        default=(), examples=[[{"amount": "1.00", "period": "day"}]], json_schema_extra={"unit": "see Budgets"}
    )
    """Hard bounds on money, all of which hold."""
    pace: Pace = Pace()
    """How quotas are spread over their windows."""
    token_estimate: Literal["worst_case", "learned"] = Field(
        default="worst_case", examples=["learned"], json_schema_extra=NO_UNIT
    )
    """What is held of token limits for an answer: its cap, or what answers of its task and model were seen to take.
    Money is always held at the worst case."""
    min_output: int = Field(default=1024, ge=1, examples=[256], json_schema_extra={"unit": "tokens"})
    """Output tokens that a request which names no ``max_tokens`` gets at least: it waits, or goes elsewhere, where
    limits and budgets leave less. Of a small budget the least is a quarter of it. At most it gets the model's own
    maximum."""
    max_attempts: int = Field(default=8, ge=1, examples=[3], json_schema_extra={"unit": "attempts"})
    """How many attempts one request may take, at all providers together."""
    timeout: float = Field(default=300.0, gt=0, examples=[120], json_schema_extra=SECONDS)
    """Seconds for a whole request, all attempts together; or a span such as "90s" or "5m". What one attempt may take of
    it at a provider is bounded by that provider's ``timeouts``."""
    wait: bool = Field(default=True, examples=[False], json_schema_extra=NO_UNIT)
    """Whether a request waits for a limit or budget that opens before its timeout. False: it fails at once."""
    attempt_share: float = Field(
        default=0.67, gt=0, le=1, examples=[0.5], json_schema_extra={"unit": "share of the time left"}
    )
    """How much of the time that is left one attempt may take while a provider at another address is untried."""
    max_cost: Money | None = Field(default=None, examples=["0.05"], json_schema_extra={"unit": "US dollars"})
    """What one request may cost at most, all its attempts together; a text, as 0.05 is not exact. What could cost more
    is not asked."""
    hedge: bool = Field(default=False, examples=[True], json_schema_extra=NO_UNIT)
    """Whether another provider is asked beside one that is slower than in 95 of 100 answers. The first to answer wins;
    the other is cancelled, and may be billed. At most one request in twenty, never a batch, and nothing scarce."""
    fall_over: FallOver = FallOver()
    """What follows a failed attempt, by what failed."""
    on_bad_answer: Literal["next", "return"] = Field(default="next", examples=["return"], json_schema_extra=NO_UNIT)
    """What becomes of an answer that is empty, cut short, refused or not what was asked for: `next` goes on as
    `fall_over` says; `return` gives it to the caller, with a warning."""
    store: str | None = Field(
        default=None, repr=False, examples=["sqlite:/var/lib/shunpike/ledger.db"], json_schema_extra={"unit": "address"}
    )
    """Where the ledger lives: ``sqlite:/path/ledger.db``, ``postgresql://user@host/database`` or ``memory:``; None =
    a file in the user's data folder."""
    keep_decisions: int = Field(default=30, ge=0, examples=[7], json_schema_extra={"unit": "days"})
    """Days for which the record of each request is kept that ``shunpike explain`` shows: who was asked, why, and what
    came of it; never a prompt or an answer. 0 = no record is kept."""
    ca_file: str | None = Field(default=None, examples=["/etc/ssl/company.pem"], json_schema_extra={"unit": "path"})
    """A file of certificates (PEM) of authorities of your own, such as a company's. They are trusted beside the usual
    ones, or those that ``SSL_CERT_FILE``, ``SSL_CERT_DIR``, ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE`` name."""
    gateway: GatewaySettings = GatewaySettings()
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    log: Literal["off", "json", "console", "app"] = Field(default="off", examples=["json"], json_schema_extra=NO_UNIT)
    """Whether every event is logged, each as one entry: ``json`` and ``console`` write lines to stderr, ``app`` hands
    them to structlog as the application configured it. Never a key, a prompt or an answer."""
    disabled_plugins: tuple[str, ...] = Field(default=(), examples=[["sandbox"]], json_schema_extra={"unit": "names"})
    """Plugins that are not loaded although they are installed, by the names that ``shunpike plugins`` shows."""

    @field_validator("timeout", "affinity_idle", mode="before")
    @classmethod
    def _spanned(cls, value: Any) -> Any:
        return span(value) if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _mapped(cls, values: Any) -> Any:
        return with_model_map(values)

    @field_validator("model_map")
    @classmethod
    def _stands_for(cls, value: dict[str, str]) -> dict[str, str]:
        return checked_map(value)

    @field_validator("models")
    @classmethod
    def _acyclic(cls, value: dict[str, ModelAlias]) -> dict[str, ModelAlias]:
        return checked_aliases(value)

    @field_validator("providers")
    @classmethod
    def _named(cls, value: dict[str, ProviderSettings]) -> dict[str, ProviderSettings]:
        for name in value:
            if not name or "/" in name:
                raise ValueError(f"{name!r} can't name a provider: it must not be empty or hold a slash")
        return value
