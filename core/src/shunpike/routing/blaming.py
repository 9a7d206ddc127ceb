"""Where a plugin's code runs: whatever it raises or returns against its contract is caught there, and named."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from types import TracebackType
from typing import Any, TypeVar

from typing_extensions import override

from shunpike.complaints import in_words
from shunpike.errors import PluginError, ProviderError, ShunpikeError, WrongField
from shunpike.masking import masked, scrub
from shunpike.not_sent import same_mark
from shunpike.protocols import NeedsDifficulty, NeedsStates, Ranked, RoutableRequest, Strategy, Target, View
from shunpike.routing.hints import OWN_FILE
from shunpike.routing.strays import is_stray
from shunpike.types import Evidence
from shunpike.types.base import Record

T = TypeVar("T")
_NAMES = frozenset(("id", "model", "service_tier", "system_fingerprint", "provider_request_id"))
"""Fields in which a provider names things: it may name our key."""
_MOMENTS = ("retry_at", "reset_at")
LAST_MOMENT = 32_503_680_000.0
"""The start of the year 3000: no calendar and no person has use for a later one."""
_LARGEST_STATUS = 9_999


class blaming:  # noqa: N801 - used as a function; no generator, since it is entered for each chunk of a stream
    """Raise `PluginError`, naming ``plugin``, for whatever comes out that no contract knows.

    Ours pass, as do a timeout and a cancellation of ours; a failure of the provider's if its figures are figures.
    """

    __slots__ = ("_plugin", "_what")

    def __init__(self, plugin: str, what: str) -> None:
        self._plugin = plugin
        self._what = what

    def __enter__(self) -> None:
        """Do nothing: only what is raised counts."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let ``error`` pass, or raise what it means."""
        if error is None or isinstance(error, TimeoutError):
            return
        if isinstance(error, ProviderError):
            wrong = _odd(error)
            if wrong is not None:
                raise _blamed(
                    self._plugin, f"{self._what} raised {type(error).__name__} with {wrong}", error
                ) from error
            error.kind = masked(error.kind)
            _mask(error)
        elif isinstance(error, ShunpikeError) and not isinstance(error, WrongField):
            _mask(error)
        elif isinstance(error, WrongField) or is_stray(error):
            # Of a record that the plugin made; or a stranger's code, which may raise anything, or end the process.
            raise _blamed(self._plugin, f"{self._what} raised {scrub(in_words(error))}", error) from error


def _mask(error: ShunpikeError) -> None:
    """Mask keys also in words that it was given after it was made, or by a class of a stranger's."""
    error.args = tuple(masked(str(word)) for word in error.args)
    error.hint = None if error.hint is None else masked(str(error.hint))


def _blamed(plugin: str, message: str, error: BaseException) -> PluginError:
    return same_mark(error, PluginError(f"plugin {plugin!r}: {message}", plugin=plugin))


def _odd(error: ProviderError) -> str | None:
    """Return which attribute of ``error`` can't be used."""
    told = vars(error)
    moments = {name: told[name] for name in _MOMENTS if told.get(name) is not None}
    for name, value in moments.items():
        if not isinstance(value, int | float):
            return f"{name} = {scrub(repr(value))}, not a moment"
        if not abs(value) <= LAST_MOMENT:
            return f"{name} = {value if isinstance(value, float) else 'a number'}, not a moment"
    if isinstance(error.status, int) and not 0 <= error.status <= _LARGEST_STATUS:
        return "a status that is none"
    for name, kind in {"kind": str, "status": int | None, "billed": bool | None, "elsewhere": bool}.items():
        if not isinstance(getattr(error, name, None), kind):
            return f"{name} = {getattr(error, name, None)!r}"
    evidence: object = error.evidence
    if not isinstance(evidence, tuple) or not all(isinstance(row, Evidence) for row in evidence):
        return "evidence that is none"
    return None


def checked(found: Any, expected: type[T], plugin: str, what: str) -> T:
    """Return ``found``, an ``expected``, with no key in its names. Raises `PluginError` naming ``plugin``."""
    if isinstance(found, expected):
        return _without_keys(found)
    if inspect.iscoroutine(found):
        found.close()  # Never awaited, it would be complained of elsewhere.
    raise PluginError(f"plugin {plugin!r}: {what} gave {_called(found)}, not {_called_type(expected)}", plugin=plugin)


def _without_keys(found: T) -> T:
    if not isinstance(found, Record):
        return found
    names = {name: told for name in _NAMES & found.model_fields_set if isinstance(told := getattr(found, name), str)}
    if not names or masked(joined := "\n".join(names.values())) == joined:
        return found
    return found.model_copy(update={name: masked(told) for name, told in names.items()})


def _called(found: object) -> str:
    return "nothing" if found is None else _called_type(type(found))


def _called_type(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOUaeiou' else 'a'} {kind.__name__}"


class NamedStrategy(Strategy, NeedsStates, NeedsDifficulty):
    """A strategy with the plugin that brings it. Raises `PluginError` when it does not rank each candidate once."""

    def __init__(self, strategy: Strategy, plugin: str) -> None:
        self._strategy = strategy
        self._plugin = plugin
        self._seen: dict[int, tuple[Sequence[Target], tuple[Ranked, ...], tuple[Ranked, ...]]] = {}
        """Of tuples that a strategy gave before, for the same candidates: they were looked through."""

    @property
    @override
    def name(self) -> str:
        return self._strategy.name

    @property
    @override
    def needs_states(self) -> bool:
        with blaming(self._plugin, f"the strategy {self.name!r}"):
            return getattr(self._strategy, "needs_states", False) is True

    @property
    @override
    def needs_difficulty(self) -> bool:
        with blaming(self._plugin, f"the strategy {self.name!r}"):
            return getattr(self._strategy, "needs_difficulty", False) is True

    @override
    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        """Return them: of all that are free, then of those that cost money."""
        what = f"the strategy {self.name!r}"
        with blaming(self._plugin, what):
            found = self._strategy.rank(candidates, request, view)
        seen = self._seen.get(id(found))
        if seen is not None and seen[1] is found and seen[0] is candidates:
            return seen[2]
        ranked = checked(found, Sequence, self._plugin, what)  # type: ignore[type-abstract]  # any sequence will do
        told = self._free_first(self._each_once(ranked, candidates, what))
        if type(found) is tuple and type(candidates) is tuple:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[id(found)] = candidates, found, told
        return told

    def _each_once(self, ranked: Sequence[Any], candidates: Sequence[Target], what: str) -> Sequence[Ranked]:
        told: list[Ranked] = []
        for one in ranked:
            if type(one) is not Ranked:
                checked(one, Ranked, self._plugin, what)
            words = isinstance(one.why, str) and isinstance(one.score, int | float | None)
            if not (words and isinstance(one.group, int | None)):
                raise PluginError(f"plugin {self._plugin!r}: {what} ranks with {_types(one)}", plugin=self._plugin)
            told.append(one if _is_plain(one) else _in_plain_words(one))
        if len(ranked) != len(candidates) or {id(one.target) for one in ranked} != set(map(id, candidates)):
            raise PluginError(
                f"plugin {self._plugin!r}: {what} must give each candidate once, gave {len(ranked)} of"
                f" {len(candidates)}",
                plugin=self._plugin,
                hint=f'choose another one, {OWN_FILE}: strategy = "priority"',
            )
        return told

    @staticmethod
    def _free_first(ranked: Sequence[Ranked]) -> tuple[Ranked, ...]:
        """Return what is free before what costs money, each in its order; one of either is nobody's equal."""
        paid = [(place, one) for place, one in enumerate(ranked) if one.target.paid]
        if not paid:
            return tuple(ranked)
        free = [(place, one) for place, one in enumerate(ranked) if not one.target.paid]
        last, groups = max((place for place, _ in free), default=0), {one.group for _, one in free}
        behind = (_put_back(one) if place < last else one for place, one in paid)
        return (
            *(one for _, one in free),
            *(one._replace(group=None) if one.group in groups else one for one in behind),
        )


def _is_plain(one: Ranked) -> bool:
    """Return whether its words and its score can stand in a record, in JSON and on a terminal as they are."""
    why, score = one.why, one.score
    return (not why or (len(why) <= LONGEST_WHY and why.isprintable())) and (
        score is None or -LARGEST_SCORE <= score <= LARGEST_SCORE
    )


def _in_plain_words(one: Ranked) -> Ranked:
    """Return it with words of one short line, and without a score that is no number of use."""
    why = "".join(char if char.isprintable() else "\ufffd" for char in scrub(one.why)[:LONGEST_WHY])
    score = one.score
    return one._replace(why=why, score=score if score is not None and abs(score) <= LARGEST_SCORE else None)


def _types(one: Ranked) -> str:
    return ", ".join(f"{name} = {_called(getattr(one, name))}" for name in ("score", "why", "group"))


LONGEST_WHY = 500
"""Characters of what a strategy says of a candidate: it is kept for every candidate of every request."""
LARGEST_SCORE = 1e300
"""Beyond it, and of what is no number, nothing is told."""
_REMEMBERED = 64
"""Orders that are remembered for each strategy."""


def _put_back(one: Ranked) -> Ranked:
    return one._replace(why="; ".join(filter(None, (one.why, "it costs money, so all that is free comes first"))))
