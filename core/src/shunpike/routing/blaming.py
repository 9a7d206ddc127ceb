"""Where a plugin's code runs: whatever it raises or returns against its contract is caught there, and named."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from typing_extensions import override

from shunpike.errors import PluginError, ProviderError, ShunpikeError, WrongField, in_words
from shunpike.masking import masked
from shunpike.protocols import RoutableRequest, Strategy, Target, View
from shunpike.routing.hints import OWN_FILE
from shunpike.routing.strays import is_stray
from shunpike.types import Evidence
from shunpike.wire.failures import scrub
from shunpike.wire.not_sent import same_mark

T = TypeVar("T")
_MOMENTS = ("retry_at", "reset_at")


@contextmanager
def blaming(plugin: str, what: str) -> Iterator[None]:
    """Raise `PluginError`, naming ``plugin``, for whatever comes out that no contract knows.

    Ours pass, as do a timeout and a cancellation of ours; a failure of the provider's if its figures are figures.
    """
    try:
        yield
    except ProviderError as error:
        wrong = _odd(error)
        if wrong is not None:
            raise _blamed(plugin, f"{what} raised {type(error).__name__} with {wrong}", error) from error
        error.kind = masked(error.kind)
        _mask(error)
        raise
    except WrongField as error:  # of a record that the plugin made
        raise _blamed(plugin, f"{what} raised {scrub(in_words(error), None)}", error) from error
    except ShunpikeError as error:
        _mask(error)
        raise
    except TimeoutError:
        raise
    except BaseException as error:  # a stranger's code may raise anything, or try to end the process
        if not is_stray(error):
            raise
        raise _blamed(plugin, f"{what} raised {scrub(in_words(error), None)}", error) from error


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
        if not isinstance(value, int | float) or not math.isfinite(value):
            return f"{name} = {value!r}, not a moment"
    for name, kind in {"kind": str, "status": int | None, "billed": bool | None, "elsewhere": bool}.items():
        if not isinstance(getattr(error, name, None), kind):
            return f"{name} = {getattr(error, name, None)!r}"
    evidence: object = error.evidence
    if not isinstance(evidence, tuple) or not all(isinstance(row, Evidence) for row in evidence):
        return "evidence that is none"
    return None


def checked(found: Any, expected: type[T], plugin: str, what: str) -> T:
    """Return ``found``, which must be an ``expected``. Raises `PluginError` naming ``plugin``."""
    if isinstance(found, expected):
        return found
    if inspect.iscoroutine(found):
        found.close()  # Never awaited, it would be complained of elsewhere.
    raise PluginError(f"plugin {plugin!r}: {what} gave {_called(found)}, not {_called_type(expected)}", plugin=plugin)


def _called(found: object) -> str:
    return "nothing" if found is None else _called_type(type(found))


def _called_type(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOUaeiou' else 'a'} {kind.__name__}"


class NamedStrategy(Strategy):
    """A strategy with the plugin that brings it. Raises `PluginError` when it does not give a permutation."""

    def __init__(self, strategy: Strategy, plugin: str) -> None:
        self._strategy = strategy
        self._plugin = plugin

    @property
    @override
    def name(self) -> str:
        return self._strategy.name

    @override
    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Target]:
        """Return a permutation of ``candidates``, best first."""
        what = f"the strategy {self.name!r}"
        with blaming(self._plugin, what):
            found = self._strategy.rank(candidates, request, view)
        ranked = checked(found, Sequence, self._plugin, what)  # type: ignore[type-abstract]  # any sequence will do
        labels = [checked(one, Target, self._plugin, what).label for one in ranked]
        if sorted(labels) != sorted(one.label for one in candidates):
            raise PluginError(
                f"plugin {self._plugin!r}: {what} must give each candidate once, gave {len(labels)} of"
                f" {len(candidates)}",
                plugin=self._plugin,
                hint=f'choose another one, {OWN_FILE}: strategy = "priority"',
            )
        return tuple(ranked)
