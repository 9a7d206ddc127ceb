"""Settings that are written in a shape for people: budgets, limits, names of variables, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from shunpike.catalog.limits import LimitReader, Provenance, read_window
from shunpike.catalog.schema import CatalogPlace
from shunpike.durations import span
from shunpike.types import Budget, Cap, Confidence, Limit, Money, Scope, Unit
from shunpike.types.headers import header_problem
from shunpike.types.money import amount_of, is_too_much
from shunpike.types.settings import DIRECT, PROXY_SCHEMES

_PERIODS = ("day", "month", "lifetime")


def budgets(value: Any, table: str, origin: str) -> tuple[Budget, ...]:
    """Return budgets from ``{amount = "1.00", period = "day", zone = "Europe/Berlin", provider = "name"}``."""
    del table, origin
    return tuple(item if isinstance(item, Budget) else _budget(item) for item in _tables(value))


def _budget(item: Any) -> Budget:
    if not isinstance(item, Mapping):
        raise _expected('should be a table such as {amount = "1.00", period = "day"}')
    _known(item, ("amount", "period", "zone", "provider", "counts"), ("amount", "period"))
    if item["period"] not in _PERIODS:
        raise ValueError(f"period {item['period']!r} should be one of {', '.join(_PERIODS)}")
    provider = item.get("provider")
    if provider is not None and not isinstance(provider, str):
        raise _expected("provider should be the name of a provider")
    counts = item.get("counts", "cost")
    if counts not in ("cost", "list_value"):
        raise ValueError(f"counts {counts!r} should be cost or list_value")
    return Budget(
        amount=_dollars(item["amount"]),
        period=item["period"],
        zone=_zone(item.get("zone", "UTC")),
        provider=provider,
        counts=counts,
    )


def limits(value: Any, table: str, origin: str) -> tuple[Limit | Cap, ...]:
    """Return limits from ``{unit = "request", amount = 5, per = "60s"}``, in the grammar of the catalog.

    A limit holds for the whole account unless ``scope`` says otherwise; with ``overrides = true`` it takes the place
    of what the provider grants of that unit and window. An amount such as ``"80%"`` is a share of what the provider
    grants, of every unit and window that are not named. Raises `ConfigError` naming the place.
    """
    around = Provenance(source=origin, as_of=date.min, confidence=Confidence.OPERATOR)
    where = CatalogPlace(origin, table)
    reader = LimitReader({}, where)
    return tuple(
        item
        if isinstance(item, Limit | Cap)
        else _cap(item, where)
        if _is_share(item)
        else reader.read([_scoped(item)], around, where)[0]
        for item in _tables(value)
    )


def _is_share(item: Any) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("amount"), str) and item["amount"].endswith("%")


def _cap(item: Mapping[str, Any], where: CatalogPlace) -> Cap:
    _known(item, ("amount", "unit", "per"), ("amount",))
    percent, unit, per = item["amount"].removesuffix("%").strip(), item.get("unit"), item.get("per")
    if not re.fullmatch(r"[1-9][0-9]?|100", percent, re.ASCII):
        raise ValueError(f'amount {item["amount"]!r} should be a share from "1%" to "100%"')
    if unit is not None and unit not in tuple(Unit):
        raise ValueError(f"unit {unit!r} should be one of {', '.join(Unit)}")
    if per is not None and not isinstance(per, str):
        raise _expected('per should be a window such as "60s" or "day UTC"')
    window = None if per is None else read_window(per, Unit.REQUEST, where)
    return Cap(percent=int(percent), unit=None if unit is None else Unit(unit), window=window)


def _scoped(item: Any) -> Any:
    return {"scope": Scope.ACCOUNT, **item} if isinstance(item, Mapping) else item


def variable_name(value: Any, table: str, origin: str) -> str:
    """Return the name of an environment variable; anything else may be a key by mistake, and is not repeated."""
    del table, origin
    if isinstance(value, str) and re.fullmatch(r"[A-Z][A-Z0-9_]*", value):
        return value
    raise ValueError("should be the name of an environment variable in capitals, such as MY_API_KEY, not a key")


def web_address(value: Any, table: str, origin: str) -> str:
    """Return an http or https address without a trailing slash; its value is not repeated: it may hold a password."""
    del table, origin
    if isinstance(value, str):
        parts = urlsplit(value.strip())
        if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc:
            return value.strip().rstrip("/")
    raise ValueError("should be an address such as https://host/v1, without user name or password")


def proxy_address(value: Any, table: str, origin: str) -> str:
    """Return the address of a proxy, with its scheme; its value is not repeated: it may hold a password."""
    del table, origin
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in DIRECT:
            return text.lower()
        found = text if "://" in text else f"http://{text}"
        try:
            parts = urlsplit(found)
            if parts.scheme in PROXY_SCHEMES and parts.hostname and (parts.port is None or parts.port):
                return found
        except ValueError:
            pass
    raise ValueError('should be an address such as http://proxy.example:3128, or "none" to go directly')


def file_path(value: Any, table: str, origin: str) -> str:
    """Return the path of a file that is the same one in every working directory: it may begin with ``~``."""
    del table, origin
    if not isinstance(value, str) or not value.strip():
        raise _expected('should be the path of a file in quotes, such as "/etc/ssl/company.pem"')
    try:
        found = Path(value.strip()).expanduser()
    except RuntimeError as error:
        raise ValueError(f"names no folder of a user here: {error}") from None
    if not found.is_absolute():
        raise ValueError('should be a whole path, such as "/etc/ssl/company.pem" or "~/company.pem"')
    return value.strip()


def header(name: str, value: Any) -> str:
    """Return the value of a header as it can be sent; it is not repeated in errors: it may be a key."""
    if not isinstance(value, str):
        raise _expected('should be text in quotes, such as "5"')
    problem = header_problem(name, value)
    if problem is not None:
        raise ValueError(problem)
    return value


def duration(value: Any, table: str, origin: str) -> float:
    """Return seconds from ``120``, ``"90s"`` or ``"5m"``, in the grammar of ``--timeout``."""
    del table, origin
    return span(value)


def share(value: Any, table: str, origin: str) -> str:
    """Return a share in percent, checked here so that an error names what is meant."""
    del table, origin
    if isinstance(value, str) and re.fullmatch("[1-9]?[0-9]%", value):
        return value
    raise _expected('should be a share from "0%" to "99%"')


def _expected(what: str) -> ValueError:
    return ValueError(what)


def _tables(value: Any) -> list[Any]:
    items = [value] if isinstance(value, Mapping) else value
    if not isinstance(items, list | tuple):
        raise _expected("should be a list of tables")
    return list(items)


def _known(item: Mapping[str, Any], names: tuple[str, ...], required: tuple[str, ...]) -> None:
    for name in item:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            raise ValueError(f"there is no {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    for name in required:
        if name not in item:
            raise ValueError(f"{name} is missing")


def _dollars(value: Any) -> Money:
    amount = amount_of(value)
    if amount is None:
        raise ValueError(f'amount {value!r} should be dollars in quotes, such as "1.00" (a bare 1.00 is not exact)')
    if is_too_much(amount):
        raise ValueError(f"amount {value!r} should be at most a million dollars")
    return Money.usd(amount)


def _zone(value: Any) -> str:
    try:
        return ZoneInfo(value).key
    except (KeyError, ValueError, TypeError, OSError):
        raise ValueError(f"zone {value!r} is not a time zone such as Europe/Berlin") from None
