"""The reference of all settings, for a terminal and as the chapters of a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields

from shunpike.cli.ask import AskOptions
from shunpike.client import Options
from shunpike.config.reference import Setting, reference
from shunpike.errors import UsageError
from shunpike.validation import near

_CHAPTERS = (
    ("Settings of all", "At the top of the file, before any table.", ""),
    ("Aliases", "Names of your own for models, in `[models.NAME]`; `NAME` is `fast` in the examples.", "models."),
    (
        "Rules",
        "What may stand in an entry of `routing.rule`, which a file can also write as `[[routing.rule]]`.",
        "rule[].",
    ),
    ("Settings of one provider", "In `[providers.NAME]`; `NAME` is `acme` in the examples.", "providers."),
    ("Budgets", "What may stand in an entry of `budgets`.", "budgets[]."),
    ("Limits of your own", "What may stand in an entry of `limits`.", "limits[]."),
)


def matching(word: str | None) -> tuple[Setting, ...]:
    """Return the settings whose name holds ``word``, all without one. Raises `UsageError` where there is none."""
    every = reference()
    found = tuple(one for one in every if word is None or word.lower() in one.name.lower())
    if not found:
        last = [one.name.rpartition(".")[2] for one in every]
        raise UsageError(
            f"there is no setting {word!r}{near(str(word), last)}", hint="all of them: shunpike config reference"
        )
    return found


def in_words(one: Setting) -> str:
    """Return one setting for a terminal: what it is, and where it may stand."""
    lines = [one.name, f"  {_nature(one)}", f"  {one.text}"]
    lines += [f"    {line}" for line in (one.toml or "").splitlines()]
    lines += [f"    {way}" for way in _other_ways(one)]
    lines += [f"  {_trust(one)}"] if one.toml is not None else []
    return "\n".join(lines) + "\n"


def as_markdown() -> str:
    """Return the chapters with every setting, as they stand in the project's page on the configuration."""
    return "".join(_chapters())


def _chapters() -> Iterator[str]:
    every = reference()
    for title, text, prefix in _CHAPTERS:
        own = [one for one in every if _prefix(one) == prefix]
        yield f"## {title}\n\n{text}\n\n| setting | type | default | unit |\n| --- | --- | --- | --- |\n"
        for one in own:
            yield f"| [`{_short(one)}`](#{_anchor(one)}) | {one.kind} | `{one.default}` | {one.unit} |\n"
        yield "\n"
        for one in own:
            yield f'### <a id="{_anchor(one)}"></a>`{_short(one)}`\n\n{one.text}\n\n'
            if one.toml is not None:
                yield f"```toml\n{one.toml}\n```\n\n`shunpike config show` then says `{one.shown}`.\n\n"
            facts = [_nature(one)]
            if "[]" not in one.name:  # An entry stands where its list does.
                facts += [f"`{way}`" for way in _other_ways(one)]
                facts += [_trust(one)] if one.toml is not None else []
            yield "".join(f"- {fact}\n" for fact in facts) + "\n"


def _prefix(one: Setting) -> str:
    return next((prefix for _, _, prefix in _CHAPTERS if prefix and one.name.startswith(prefix)), "")


def _short(one: Setting) -> str:
    return one.name.removeprefix("providers.NAME.").removeprefix("models.NAME.").rpartition("[].")[2]


def _anchor(one: Setting) -> str:
    named = one.name.replace("providers.NAME", "provider").replace("models.NAME", "alias")
    return named.replace("[]", "").replace(".", "-")


def _nature(one: Setting) -> str:
    unit = "" if one.unit == "-" else f"; unit: {one.unit}"
    return f"{one.kind}; default: {one.default}{unit}"


def _trust(one: Setting) -> str:
    if one.untrusted is None:
        return "in a project's file: only once that is trusted (`shunpike trust`)"
    return f"in a project's file that is not trusted: {one.untrusted}"


def _other_ways(one: Setting) -> list[str]:
    """Return how else it can be said than in a file: a variable, an argument of one call, an option."""
    ways = [] if one.variable is None else [one.variable]
    if one.name in Options.__annotations__:
        value = one.example if isinstance(one.example, bool) else json.dumps(one.example)
        ways.append(f"client.complete(…, {one.name}={value})")
        options = {field.name for field in fields(AskOptions)}
        ways += [
            f"shunpike ask --{option.replace('_', '-')} …"
            for option in (one.name, f"no_{one.name}")
            if option in options
        ]
    return ways
