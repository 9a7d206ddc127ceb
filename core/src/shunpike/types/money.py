"""Money as whole pico-dollars (1e-12 USD), so that the smallest published price per token is still an integer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation, localcontext
from typing import Any, Self

from pydantic import model_validator
from typing_extensions import override

from shunpike.errors import UsageError
from shunpike.types.base import Record
from shunpike.types.written import Written

PICO = 10**12
_MILLION = 10**6
_WIDEST = 80
"""Decimal digits: as many as a stranger's amount may have on both sides of the point."""
MOST = _MILLION * PICO
"""The most that one figure may say: a million dollars, or as many of anything else that a limit counts.

Stores keep pico-dollars in 63 bits, which hold nine such figures: what is added to a full budget still fits.
"""


def amount_of(value: object) -> Decimal | None:
    """Return the dollars that a person wrote, as text or a whole number; None for what is no such amount."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def is_too_much(amount: Decimal) -> bool:
    """Whether ``amount`` dollars are more than the books take of one figure; asked before it becomes `Money`."""
    return amount > _MILLION


class Money(Written, Record):
    """An amount in US dollars, exact: ``pico`` is an integer of 1e-12 USD.

    It adds up with money, is multiplied by whole numbers, and compares with money and with dollars as `Decimal` or
    int. ``float(money)`` and ``format(money, ".4f")`` are for showing it, ``money.dollars`` is exact. A field of this
    type also takes dollars as text, int or `Decimal`.
    """

    pico: int = 0

    @model_validator(mode="before")
    @classmethod
    def _from_dollars(cls, value: Any) -> Any:
        if isinstance(value, cls | Mapping):
            return value
        return {"pico": _pico(value)}

    @classmethod
    def usd(cls, amount: str | int | Decimal) -> Self:
        """Return ``amount`` dollars, rounded up to a pico-dollar. Raises `UsageError`: a float is not exact."""
        try:
            return cls(pico=_pico(amount))
        except ValueError as error:
            raise UsageError(str(error), hint='write dollars as text, such as Money.usd("0.10")') from None

    @property
    def dollars(self) -> Decimal:
        """The exact amount in dollars."""
        return Decimal(self.pico) / PICO

    def __float__(self) -> float:
        return float(self.dollars)

    def __add__(self, other: Money) -> Money:
        return Money.model_construct(pico=self.pico + _money(other).pico)

    def __radd__(self, other: object) -> Money:
        # ``sum`` begins with the number 0.
        return self if isinstance(other, int) and other == 0 else _money(other)

    def __sub__(self, other: Money) -> Money:
        return Money.model_construct(pico=self.pico - _money(other).pico)

    def __neg__(self) -> Money:
        return Money.model_construct(pico=-self.pico)

    def __mul__(self, times: int) -> Money:
        return Money.model_construct(pico=self.pico * _times(times))

    __rmul__ = __mul__

    def __truediv__(self, other: Money) -> Decimal:
        """Return how many times ``other`` it is. Raises `UsageError` for money by nothing."""
        if not _money(other):
            raise UsageError(f"{self} can't be divided by {other}", hint="look first whether it is nothing: if money")
        return Decimal(self.pico) / other.pico

    def __lt__(self, other: Money | Decimal | int) -> bool:
        return _compared(self, other) < 0

    def __le__(self, other: Money | Decimal | int) -> bool:
        return _compared(self, other) <= 0

    def __gt__(self, other: Money | Decimal | int) -> bool:
        return _compared(self, other) > 0

    def __ge__(self, other: Money | Decimal | int) -> bool:
        return _compared(self, other) >= 0

    @override
    def __eq__(self, other: object) -> bool:
        """Whether it is the same amount; of a float that is its exact value, so that a tenth of a dollar is none."""
        if isinstance(other, Money):
            return self.pico == other.pico
        return self.dollars == other if isinstance(other, Decimal | int | float) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash(self.dollars)

    def __bool__(self) -> bool:
        return self.pico != 0

    @override
    def __repr__(self) -> str:
        return f"Money.usd({format(self.dollars, 'f')!r})"

    @override
    def __format__(self, spec: str) -> str:
        """Return the text of `str`, or with a format such as ``.4f`` the number of dollars in it."""
        return format(self.dollars, spec) if spec else str(self)

    @override
    def __str__(self) -> str:
        """Rounded up: two decimals from a dollar up, as many as two figures take below; never only zeros."""
        return amount_in_words(self.dollars)

    @property
    def left(self) -> str:
        """The amount for a person where it is what is left or saved: as `str`, but rounded down."""
        return amount_in_words(self.dollars, rounding=ROUND_FLOOR)


ZERO = Money()


def amount_in_words(amount: Decimal, currency: str | None = "USD", *, rounding: str | None = ROUND_CEILING) -> str:
    """Return ``amount`` for a person: the one form in which money is shown, whatever shows it.

    Two decimals from one up, as many as two figures take below; never only zeros where it is something. ``rounding`` is
    `ROUND_CEILING` for what is spent, `ROUND_FLOOR` for what is left, None for a price, which stands as published.
    """
    digits = 2 if amount == 0 or abs(amount) >= 1 else max(2, 1 - amount.adjusted())
    with localcontext(prec=_WIDEST):
        exact = (
            amount.normalize() if rounding is None else amount.quantize(Decimal(1).scaleb(-digits), rounding=rounding)
        )
    whole, _, cents = f"{exact.copy_abs():f}".partition(".")
    figure = f"{whole}.{cents.rstrip('0'):0<2}"
    sign = "-" if exact < 0 else ""
    return f"{sign}${figure}" if currency == "USD" else f"{sign}{figure} {currency or ''}".rstrip()


def larger(one: Money | None, other: Money | None) -> Money | None:
    """Return the larger of two amounts, of which either may not be known."""
    return max((amount for amount in (one, other) if amount is not None), default=None)


def _pico(amount: object) -> int:
    """Return ``amount`` dollars in pico-dollars, rounded up. Raises `ValueError` for what is no exact amount."""
    problem = f"{amount!r} is not an amount in dollars"
    if isinstance(amount, float):
        problem = f"money from the float {amount!r} is not exact; pass a string such as {str(amount)!r}"
    elif isinstance(amount, str | int | Decimal) and not isinstance(amount, bool):
        with suppress(ArithmeticError, ValueError):  # no number, or not a finite one
            return int((Decimal(amount) * PICO).to_integral_value(ROUND_CEILING))
    raise ValueError(problem)


def _money(other: object) -> Money:
    """Return ``other``. Raises `UsageError` for anything that is not money."""
    if not isinstance(other, Money):
        raise UsageError(f"only money goes with money, got {other!r}", hint='such as Money.usd("0.10")')
    return other


def _times(times: object) -> int:
    """Return ``times``. Raises `UsageError` for anything but a whole number."""
    if not isinstance(times, int) or isinstance(times, bool):
        raise UsageError(f"money is multiplied by whole numbers, got {times!r}", hint="multiply its dollars instead")
    return times


def _compared(money: Money, other: object) -> Decimal | int:
    """Return how much more ``money`` is. Raises `UsageError` for a float: it is seldom the amount that is meant."""
    if isinstance(other, Money):
        return money.pico - other.pico
    if isinstance(other, Decimal | int) and not isinstance(other, bool):
        return money.dollars - Decimal(other)
    hint = f'compare it with Money.usd("{other}")' if isinstance(other, float | str) else 'such as Money.usd("0.10")'
    raise UsageError(f"money can't be compared with {other!r}, which is not exact dollars", hint=hint)
