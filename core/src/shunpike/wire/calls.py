"""Fragments of streamed tool calls, put to the call that they belong to.

Providers number calls from 0, from 1, all with 0, as text, or not at all; they tell the id late, again and again or
never, and the name whole, in chunks, or again with each fragment. What holds everywhere: a known id is that call, a
fragment with neither id nor name goes on with the call that is open, and what never got a name is no call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shunpike.types import Call, ToolCallDelta
from shunpike.wire.answer import call_parts, made_up_id
from shunpike.wire.arguments import Arguments
from shunpike.wire.lenient import count, string, table


@dataclass(slots=True, eq=False)
class Begun:
    """One call so far. It has a ``place`` among the calls as soon as it was passed on."""

    id: str = ""
    """As it was told; empty where none was, or one that another call has."""
    name: str = ""
    arguments: Arguments = field(default_factory=Arguments)
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one row of a delta says of a call."""

    index: int | None
    id: str
    name: str
    arguments: str

    @property
    def says_nothing(self) -> bool:
        """Whether it neither begins a call nor goes on with one."""
        return not (self.id or self.name or self.arguments)


class Calls:
    """The tool calls of one choice of a stream, in the order in which they began."""

    def __init__(self, call: Call, choice: int) -> None:
        self._call = call
        self._choice = choice
        self._begun: list[Begun] = []
        self._at: dict[int, Begun] = {}
        self._open: Begun | None = None
        self.made = 0
        """How many calls were passed on."""

    @property
    def any_named(self) -> bool:
        """Whether any call that began is one."""
        return any(one.name for one in self._begun)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> tuple[ToolCallDelta, ...]:
        """Return what the rows of one delta add. A call is passed on with its first arguments: its name may grow."""
        found: list[ToolCallDelta] = []
        touched: list[Begun] = []
        for row in rows:
            told = Fragment(_index(row.get("index")), *call_parts(row))
            if told.says_nothing:
                continue
            one = self._known(told, touched)
            if one is None:
                found += self._waiting()
                one = Begun()
                self._begun.append(one)
            if told.index is not None and (told.id or told.name or one.arguments.untold):
                self._at[told.index] = one
            self._open = one
            touched.append(one)
            found += self._grow(one, told)
        return tuple(found)

    def rest(self) -> list[ToolCallDelta]:
        """Return what was not passed on yet: nothing more is to come."""
        found: list[ToolCallDelta] = []
        for one in self._begun:
            rest = one.arguments.settle()
            if one.name and one.place is None:
                found.append(self._pass_on(one))
            elif one.place is not None and rest:
                found.append(ToolCallDelta(index=one.place, arguments=rest))
        return found

    def _waiting(self) -> list[ToolCallDelta]:
        """Return the calls that have a name and were not passed on yet, as another is to come behind them."""
        return [self._pass_on(one) for one in self._begun if one.name and one.place is None]

    def _grow(self, one: Begun, told: Fragment) -> list[ToolCallDelta]:
        news = ""
        if told.id and not one.id and all(other.id != told.id for other in self._begun):
            one.id = news = told.id
        if told.name and one.place is None:
            one.name = self._longer(one.name, told.name) if one.arguments.untold else told.name
        arguments = one.arguments.add(told.arguments)
        if one.place is None:
            return [self._pass_on(one)] if one.name and one.arguments.size else []
        return [ToolCallDelta(index=one.place, id=news or None, arguments=arguments)] if arguments or news else []

    def _pass_on(self, one: Begun) -> ToolCallDelta:
        one.place, self.made = self.made, self.made + 1
        known = one.id or made_up_id(self._call, self._choice, one.place)
        return ToolCallDelta(index=one.place, id=known, name=one.name, arguments="".join(one.arguments.parts))

    def _longer(self, name: str, more: str) -> str:
        """Return a name that comes again with each fragment, grows with it, or comes in chunks."""
        if more.startswith(name) and not self._is_tool(name + more):
            return more
        return name + more

    def _is_tool(self, *names: str) -> bool:
        """Whether tools of all these names were given."""
        tools = {string(table(tool.get("function")).get("name")) for tool in self._call.request.tools or ()}
        return tools.issuperset(names)

    # ---- which call a fragment is of

    def _known(self, told: Fragment, touched: list[Begun]) -> Begun | None:
        """Return the call that a fragment goes on with, None where it begins one."""
        one = self._open if told.index is None else self._at.get(told.index)
        same = next((begun for begun in self._begun if begun.id == told.id), None) if told.id else None
        if same is not None:
            # A call that is whole leaves its id to one that was given the same.
            one = one if one is not None and not one.id and same.arguments.whole else same
            return None if self._begins_another(one, told) else one
        if not told.id and not told.name:
            return one or self._open
        if one is None or (one in touched and told.name):
            return None  # Rows beside each other that have names are calls of their own.
        if told.id and one.id:
            # Another id is another call, unless each fragment has one of its own, and no name.
            return None if told.name or one.arguments.closed else one
        return None if self._begins_another(one, told) else one

    def _begins_another(self, one: Begun, told: Fragment) -> bool:
        """Whether a fragment that could go on with ``one`` begins another call.

        A name does not change, and an object that is whole does not grow. The name again with nothing else says
        nothing where an index or an id says whose it is.
        """
        if not told.name or not one.name:
            return False
        so_far = one.arguments
        if so_far.untold:
            return told.name != one.name and self._is_tool(told.name, one.name)
        known = bool(told.id) and told.id == one.id
        if told.name != one.name:
            return not known or so_far.whole
        if known or (one.id and not told.id and told.index is not None):
            return so_far.closed and bool(told.arguments.strip()) and not so_far.repeats(told.arguments)
        return so_far.whole and bool(told.arguments.strip() or told.index is None)


def _index(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 7:
        return int(value)
    return count(value)
