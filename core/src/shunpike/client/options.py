"""What a caller may say beside the prompt, and how prompt and options become one `ChatRequest`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any, Literal, TypedDict, cast

from pydantic import ValidationError

from shunpike.client import option_values as values
from shunpike.client import own_values as own
from shunpike.client.answer_shape import Reads, reader, response_format
from shunpike.client.option_names import OUR_OPTIONS, check_fields, check_names, check_others
from shunpike.client.prompts import Prompt, request_fields
from shunpike.errors import UsageError
from shunpike.runtime.wishes import Wishes
from shunpike.types import ChatRequest, Money
from shunpike.types.given import LISTS, says_nothing
from shunpike.validation import about, shown

__all__ = ["Options", "Prompt", "accepted", "asked", "build_request", "wishes_of"]


class Options(TypedDict, total=False):
    """Keyword arguments of `Client.complete`, `Client.stream`, `shunpike.ask` and `shunpike.stream_sync`.

    What is None, or empty, counts as not given. There are no others: what only a provider knows goes into ``extra``.
    """

    model: str | None
    """``auto``, ``groq/auto``, ``groq/ID``, an id wherever it is offered, or an alias; else the ``default_model``."""
    strategy: str | None
    providers: str | Sequence[str] | None
    """Only this one, or these."""
    timeout: float | str | None
    """For the whole request, all attempts together: seconds, or ``"90s"``, ``"5m"``, ``"6h"``."""
    wait: bool | None
    """False: fail at once instead of waiting for what may open, or be well again, before the timeout."""
    max_wait: float | str | None
    """Waits for what opens no longer than so many seconds, all pauses together: what opens later fails at once."""
    strict: bool | None
    """True: it goes elsewhere where an option would be dropped, or another model than the named one has answered."""
    no_training: bool | None
    """True: nobody is asked who may use the prompt for training, or of whom that is not known."""
    no_paid: bool | None
    """True: nothing is asked that costs money, whatever the settings allow."""
    tag: str | None
    """A word under which the usage is booked: the task."""
    session: str | None
    """Your own name of the conversation: it stays where it was answered last. Without one it is known by how its
    prompt begins."""
    task: str | None
    """What it is about, such as ``"code"``, where that is not the ``tag``: how well models do is learned by it."""
    min_quality: float | None
    """From 0 to 1: only models whose quality is known to be no less are asked."""
    priority: Literal["interactive", "batch"] | None
    """Who waits for it: a person (default), or nobody. What ``pace`` reserves for persons is left alone by a batch."""
    on_bad_answer: Literal["next", "return"] | None
    """``return``: an answer that is empty, cut short, refused or of the wrong form is given back with a warning; nobody
    else is asked."""
    max_cost: Money | str | Decimal | int | None
    """US dollars that the request may cost at most, all its attempts together: ``"0.05"``, never a float."""
    hedge: bool | None
    """True: another provider is asked beside one that is slower than usual, at most for one request in twenty."""
    request_id: str | None
    """Your own id of the request, 1 to 128 of ``A-Z a-z 0-9 . _ : / @ + = ~ -``. It is asked once: `DuplicateRequest`
    tells what became of the first, unless nothing of that was sent."""
    system: str | None
    """A system message put before the prompt."""
    temperature: float | None
    top_p: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    n: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    logprobs: bool | None
    top_logprobs: int | None
    logit_bias: Mapping[str, float] | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, Any] | type[Any] | None
    """A format of chat completions, or a pydantic model, dataclass or TypedDict: ``done.parsed`` is then one."""
    reasoning_effort: str | None
    verbosity: str | None
    service_tier: str | None
    user: str | None
    """Your own name for whom it is: sent where the provider takes it, kept in the decision and in events."""
    metadata: Mapping[str, Any] | None
    extra: Mapping[str, Any] | None
    """Fields that only a provider knows, put into the body as they are: ``extra={"top_k": 40}``."""


_WISHES = {field.name for field in fields(Wishes)}


def _format(name: str, value: Any) -> Any:
    """Return the format as it was given: what reads the answer is made of it."""
    response_format(name, value)
    return value


def _extra(name: str, value: Any) -> dict[str, Any]:
    found = values.table(name, value)
    for field in ("messages", "stream"):
        if field in found:
            raise UsageError(
                f"{name}: {field!r} is not set this way", hint="the prompt is the first argument, and `stream` a method"
            )
    check_fields(found, name)
    return found


_CHECKS: dict[str, values.Check] = {
    "model": values.word,
    "strategy": values.word,
    "providers": values.names,
    "timeout": values.seconds,
    "wait": values.flag,
    "max_wait": values.seconds,
    "strict": values.flag,
    "no_training": values.flag,
    "no_paid": values.flag,
    "tag": own.tag,
    "session": own.session,
    "task": own.tag,
    "min_quality": values.share,
    "priority": own.priority,
    "on_bad_answer": own.on_bad_answer,
    "max_cost": own.max_cost,
    "hedge": values.flag,
    "request_id": own.request_id,
    "system": values.text,
    **values.PARAMETERS,
    "response_format": _format,
    "metadata": values.table,
    "extra": _extra,
}


def accepted(options: Options) -> Options:
    """Return the options that are given, as they are used. Raises `UsageError` for an unknown one or a wrong value."""
    check_names(options, _CHECKS)
    given = {name: value for name, value in options.items() if not _is_ungiven(name, value)}
    return cast("Options", {name: _CHECKS[name](name, value) for name, value in given.items()})


def asked(prompt: Prompt, options: Options, others: Sequence[object] = ()) -> tuple[ChatRequest, Wishes]:
    """Return the request that the options make of ``prompt``, and what is wished for beside it. Raises `UsageError`.

    ``others`` are what came without a name behind the prompt: a mistake.
    """
    check_others(others)
    given = accepted(options)
    return build_request(prompt, given), wishes_of(given, reader(given.get("response_format")))


def wishes_of(given: Mapping[str, Any], reads: Reads | None = None) -> Wishes:
    """Return what accepted options ask for beside the request; ``reads`` makes what was asked for of the answer."""
    return Wishes(reads=reads, **{name: value for name, value in given.items() if name in _WISHES})


def _is_ungiven(name: str, value: Any) -> bool:
    """Whether an option says nothing, as frameworks fill in what they do not use: of our own only None does."""
    if value is None or name in OUR_OPTIONS:
        return value is None
    return says_nothing(value) and not (name in LISTS and isinstance(value, dict))


def build_request(prompt: Prompt, options: Options) -> ChatRequest:
    """Return the request of accepted options. Raises `UsageError` naming the field, its value and what it must be."""
    fields = _looked_at(request_fields(prompt))
    fields.update({name: value for name, value in options.items() if name not in OUR_OPTIONS})
    fields.update(_looked_at(options.get("extra") or {}))
    if fields.get("response_format") is not None:
        fields["response_format"] = response_format("response_format", fields["response_format"])
    system = options.get("system")
    if system:
        fields["messages"] = [{"role": "system", "content": system}, *fields["messages"]]
    try:
        return ChatRequest.model_validate(fields)
    except ValidationError as error:
        raise _usage_error(error) from None


def _looked_at(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a request that are no options, their values looked at as those of options are."""
    checked = {name: value for name, value in fields.items() if name == "messages" or not _is_ungiven(name, value)}
    for name, value in checked.items():
        if name in _CHECKS:
            checked[name] = _CHECKS[name](name, value)
        elif name != "messages":
            values.plain(name, value)
    return checked


def _usage_error(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False)[0]
    private = not first["loc"] or first["loc"][0] == "messages"
    value = "" if private else f", got {shown(first['input'])}"
    return UsageError(about(first) + value, hint="the fields are those of chat completions")
