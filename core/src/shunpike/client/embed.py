"""What a caller may say beside the texts, and how texts and options become a request."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, Required, TypedDict, cast

from pydantic import ValidationError

from shunpike.client import option_values as values
from shunpike.client import own_values as own
from shunpike.client.option_names import check_names, check_others
from shunpike.client.options import wishes_of
from shunpike.errors import UsageError
from shunpike.runtime.wishes import Wishes
from shunpike.types import EmbedRequest, Money
from shunpike.validation import about, complaint, shown

Texts = str | Sequence[str]


class EmbedOptions(TypedDict, total=False):
    """Keyword arguments of `Client.embed`. One that is None counts as not given."""

    model: Required[str]
    """``google/ID``, or an id wherever it is offered; never ``auto``."""
    dimensions: int | None
    """The length of the vectors, where the model lets one choose."""
    providers: str | Sequence[str] | None
    """Only this one, or these."""
    timeout: float | str | None
    """For the whole request, all attempts together: seconds, or ``"90s"``, ``"5m"``, ``"6h"``."""
    wait: bool | None
    """False: fail at once instead of waiting for what may open, or be well again, before the timeout."""
    max_wait: float | str | None
    """Waits for what opens no longer than so many seconds, all pauses together: what opens later fails at once."""
    no_training: bool | None
    """True: nobody is asked who may use the texts for training, or of whom that is not known."""
    no_paid: bool | None
    """True: nothing is asked that costs money, whatever the settings allow."""
    tag: str | None
    """A word under which the usage is booked: the task."""
    priority: Literal["interactive", "batch"] | None
    """Who waits for it: a person (default), or nobody. What ``pace`` reserves for persons is left alone by a batch."""
    max_cost: Money | str | Decimal | int | None
    """US dollars that the request may cost at most, all its attempts together."""
    request_id: str | None
    """Your own id of the request, which is asked once: as `Options.request_id`."""


_CHECKS: dict[str, values.Check] = {
    "model": values.word,
    "dimensions": values.whole,
    "providers": values.names,
    "timeout": values.seconds,
    "wait": values.flag,
    "max_wait": values.seconds,
    "no_training": values.flag,
    "no_paid": values.flag,
    "tag": own.tag,
    "priority": own.priority,
    "max_cost": own.max_cost,
    "request_id": own.request_id,
}


def accepted_for_embed(options: EmbedOptions, others: Sequence[object] = ()) -> EmbedOptions:
    """Return the options that are given, as they are used. Raises `UsageError` for an unknown one or a wrong value."""
    check_others(others)
    check_names(options, _CHECKS, fields=False)
    given = {name: value for name, value in options.items() if value is not None}
    return cast("EmbedOptions", {name: _CHECKS[name](name, value) for name, value in given.items()})


def asked_to_embed(texts: Texts, options: EmbedOptions, others: Sequence[object] = ()) -> tuple[EmbedRequest, Wishes]:
    """Return the request for ``texts``, and what is wished for beside it. Raises `UsageError`."""
    given = accepted_for_embed(options, others)
    return build_embed(texts, given), wishes_of(given)


def build_embed(texts: Texts, options: EmbedOptions) -> EmbedRequest:
    """Return the request of accepted options. Raises `UsageError` naming what can't be.

    Without a model it is one of ``auto``, which `check_model` rejects with those that there are.
    """
    fields: dict[str, Any] = {"model": options.get("model", "auto"), "dimensions": options.get("dimensions")}
    fields["input"] = values.texts("the texts", texts)
    if not fields["input"]:
        raise UsageError("there is no text to embed", hint='such as: shunpike embed "What is a shunpike?" -m MODEL')
    try:
        return EmbedRequest.model_validate(fields)
    except ValidationError as error:
        raise _usage_error(error) from None


def _usage_error(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False)[0]
    if first["type"] == "value_error":
        return UsageError(complaint(first), hint="leave it out")
    return UsageError(f"{about(first)}, got {shown(first['input'])}", hint="correct it, or leave it out")
