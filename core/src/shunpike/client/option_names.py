"""Names that are no option of a call: each is rejected with the one that was meant, and never sent to a provider."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shunpike.errors import UsageError
from shunpike.types import Settings
from shunpike.validation import near, shown

_KEYS = (
    "keys come from the environment, or from `shunpike keys set NAME`   ·   in code: "
    'Client(Settings(providers={"NAME": ProviderSettings(key=…)}))'
)
_FIRST = "it is the first argument, without a name"
_ADDRESS = 'it belongs to a provider: Settings(providers={{"NAME": ProviderSettings({}=…)}})'
MEANT = {
    **dict.fromkeys(("api_key", "apikey", "key", "api_keys", "token", "auth", "authorization"), _KEYS),
    **dict.fromkeys(
        ("timeouts", "request_timeout", "deadline", "max_time", "time_limit", "total_timeout"),
        'timeout=30 (or "30s", "5m") bounds the whole request',
    ),
    **dict.fromkeys(("base_url", "api_base", "endpoint", "url"), _ADDRESS.format("base_url")),
    **dict.fromkeys(("headers", "extra_headers", "default_headers"), _ADDRESS.format("headers")),
    **dict.fromkeys(("messages", "prompt", "input", "question", "text", "texts", "contents"), _FIRST),
    **dict.fromkeys(("extra_body", "extra_query", "options", "body"), "fields for a provider's body: extra={…}"),
    **dict.fromkeys(("max_retries", "num_retries", "retries"), "Settings(max_attempts=…) bounds the attempts"),
    **dict.fromkeys(("functions", "function_call"), "tools=[…] and tool_choice=…"),
    **dict.fromkeys(("host", "clock", "store", "environ", "settings"), "it is an argument of Client(…)"),
    "stream": "use client.stream(…), or shunpike.stream and shunpike.stream_sync",
    "stream_options": "the usage of a stream is always asked for, and stands in stream.completion",
    "idempotency_key": 'request_id="…": a request of that id is asked once',
    "fallbacks": 'providers=["NAME", …] says who may answer',
    "provider": 'providers="NAME"',
}
"""Name → what to write instead, of what other libraries call so. Where it is a hint it is all that is said of it."""
_FIELDS = frozenset({"messages", "stream", "stream_options", "functions", "function_call", "store", "input", "prompt"})
"""Of these, the names that a body may bear."""
OUR_OPTIONS = (
    *("strategy", "providers", "timeout", "wait", "max_wait", "strict", "no_training", "no_paid", "tag", "session"),
    *("priority", "task", "min_quality", "on_bad_answer", "max_cost", "hedge", "request_id", "system", "extra"),
)
"""Options that are ours: never a field of a provider's body."""


def check_names(names: Iterable[object], known: Iterable[str], *, fields: bool = True) -> None:
    """Raise `UsageError` for the first of ``names`` that is none of the ``known`` options.

    ``fields``: whether other fields can be given to the provider at all.
    """
    options = tuple(known)
    for name in names:
        if name not in options:
            raise _unknown(str(name), options, fields=fields)


def check_others(values: Sequence[object]) -> None:
    """Raise `UsageError` for what came without a name behind the first argument."""
    if values:
        raise UsageError(
            f"only the first argument has no name, got also {shown(values[0])}",
            hint='options have names: model="…", system="…"',
        )


def check_fields(names: Iterable[object], what: str) -> None:
    """Raise `UsageError` for a field of a body, given as ``what``, that no provider must get."""
    for name in names:
        if not isinstance(name, str):
            raise UsageError(f"{what}: the name of a field must be text, got {name!r:.80}", hint='such as {"top_k": 5}')
        if name in OUR_OPTIONS:
            raise UsageError(f"{what}: {name!r} is no field of a request's body", hint=f"an option beside it: {name}=…")
        if name in MEANT and name not in _FIELDS:
            raise UsageError(f"{what}: {name!r} is no field of a request's body", hint=MEANT[name])


def _unknown(name: str, options: tuple[str, ...], *, fields: bool) -> UsageError:
    hint = MEANT.get(name)
    if hint is None and name in Settings.model_fields:
        hint = f"it is a setting, not an option of one request: Client(Settings({name}=…)), or a line of shunpike.toml"
    if hint is None:
        more = f"a field that only a provider knows: extra={{{name!r}: …}}   ·   " if fields else ""
        hint = f"{more}the options: {', '.join(options)}"
    return UsageError(f"there is no option {name!r}{near(name, options)}", hint=hint)
