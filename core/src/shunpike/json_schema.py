"""Checks answers against the JSON schema that was asked for, whoever wrote the schema and the answer.

Either may be hostile. Nothing is fetched, patterns are matched in linear time, and what a check can cost is bounded
before it begins: a schema is rejected whose rules unfold without end, and an answer is left unchecked, and said to be,
where schema and answer together would take too long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

LARGEST = 256 * 1024
"""Characters of a schema, written as JSON."""
MOST_RULES = 100_000
"""Rules that one value of an answer may meet, each reference unfolded."""
MOST_STEPS = 50_000_000
"""Rules times values, or characters where there are patterns: some tenths of a second at worst."""
DEEPEST = 500
"""Levels of an answer that is checked."""
_PATTERN_SIZE = 1 << 20
_FEW = 3
"""Brackets whose number is taken for their depth."""
_MOST_NESTED = 200
_MOST_COUNTED = 100_000
"""Rules times levels that are counted in advance."""
_HERE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")
_MAPS = ("dependentSchemas", "dependencies")
_UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
_ANY_FIELD = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_ANY_ITEM = ("additionalItems", "unevaluatedItems", "contains")
_INSIDE = ("properties", "patternProperties", *_ANY_FIELD, "prefixItems", "items", *_ANY_ITEM)
_LONG = ("enum", "required", "properties", "dependentRequired")
_UNSUPPORTED = ("$dynamicRef", "$recursiveRef", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor")
_TOKENS = re.compile(
    r"\\.?|\[\^?\]?(?:\\.?|[^\]\\])*+(?:\]|\Z)|(?P<opens>\()|(?P<ends>\))|\{(?P<low>\d+),?(?P<high>\d*)\}|.",
    re.DOTALL,
)


class JsonSchema:
    """A schema that answers are checked against. Making one raises `ValueError` saying what of it can't be."""

    def __init__(self, text: str) -> None:
        if len(text) > LARGEST:
            raise ValueError(f"it has {len(text):,} characters as JSON, at most {LARGEST:,} are checked")
        schema = json.loads(text)
        self._cost = _Costs(schema).of
        self._valid, self._explain = _compiled(schema)
        self._patterns = '"pattern' in text

    def is_checkable(self, text: str) -> bool:
        """Whether an answer of this text can be checked in bounded time."""
        return self._steps(text) <= MOST_STEPS

    def problem(self, value: Any, text: str) -> str | None:
        """Return what of ``value``, read from ``text``, does not fit, None where all does or it is not checkable."""
        steps = self._steps(text)
        try:
            if steps > MOST_STEPS or self._valid(value):
                return None
            # What names the place looks at each alternative in full, also those that a yes or no can skip.
            return self._explain(value) if steps <= MOST_STEPS // 100 else "it does not fit the schema"
        except UnicodeEncodeError:
            return "it holds half a character (a lone surrogate)"

    def _steps(self, text: str) -> int:
        opened = text.count("{") + text.count("[")
        depth = opened if opened < _FEW else _depth(text)
        cost = self._cost(depth) if depth <= DEEPEST else MOST_STEPS + 1
        return cost * (len(text) if self._patterns else 1 + opened + text.count(","))


@lru_cache(maxsize=64)
def json_schema(text: str) -> JsonSchema:
    """Return the schema that ``text`` holds as JSON, made ready once. Raises `ValueError`."""
    return JsonSchema(text)


def _compiled(schema: Any) -> tuple[Callable[[Any], bool], Callable[[Any], str]]:
    """Return what tells whether a value fits, and what tells why not."""
    import jsonschema_rs

    linear = jsonschema_rs.RegexOptions(size_limit=_PATTERN_SIZE, dfa_size_limit=_PATTERN_SIZE)
    try:
        made = jsonschema_rs.validator_for(schema, offline=True, validate_formats=True, pattern_options=linear)
    except jsonschema_rs.ValidationError as error:
        place = "".join(f"/{part}" for part in error.instance_path)
        raise ValueError(f"{place}: {_cut(error.message)}" if place else _cut(error.message)) from None
    except jsonschema_rs.ReferencingError as error:
        raise ValueError(_cut(str(error))) from None

    def explain(value: Any) -> str:
        try:
            made.validate(value)
        except jsonschema_rs.ValidationError as error:
            place = ".".join(map(str, error.instance_path))
            return f"{place}: {_cut(error.message)}" if place else _cut(error.message)
        return "it does not fit the schema"

    return made.is_valid, explain


def _cut(words: str) -> str:
    first = words.partition("\n")[0]
    return first if len(first) <= 160 else f"{first[:80]}…{first[-79:]}"


def _depth(text: str) -> int:
    """Return how deep JSON text is nested."""
    deepest = depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text):
        if token[0][0] != '"':
            depth += 1 if token[0] in "[{" else -1
            deepest = max(deepest, depth)
    return deepest


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule as it is counted. Other rules are named by their places; those of the same value stand before it."""

    weight: int
    same: tuple[int, ...]
    fields: tuple[int, ...]
    every_field: tuple[int, ...]
    items: tuple[int, ...]
    every_item: tuple[int, ...]


class _Costs:
    """Counts the rules that a value meets, by the levels below it: from above, and without evaluating any."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._order: list[Any] = []
        self._places: dict[int, int] = {}
        self._walk()
        self._rules = [self._counted(rule) for rule in self._order]
        self._deepest = max(3, min(DEEPEST, _MOST_COUNTED // len(self._order)))
        self._below: list[int] = []
        self._found: list[int] = []
        self._settled = False
        if self.of(2) > MOST_RULES:
            raise ValueError(f"its rules unfold to more than {MOST_RULES:,}")

    def of(self, depth: int) -> int:
        """Return the most that a value with so many levels below it costs; more than `MOST_STEPS` if nobody knows."""
        while len(self._found) <= depth and not self._settled:
            if len(self._found) > self._deepest:
                return MOST_STEPS + 1
            # A value is an object or a list, never both.
            objects = self._level([(rule.fields, rule.every_field) for rule in self._rules])
            lists = self._level([(rule.items, rule.every_item) for rule in self._rules])
            here = list(map(max, objects, lists))
            cost = here[self._places[id(self._root)]]
            self._settled = here == self._below or cost > MOST_RULES
            self._below = here
            self._found.append(cost if cost <= MOST_RULES else MOST_STEPS + 1)
        return self._found[min(depth, len(self._found) - 1)]

    def _level(self, inside: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[int]:
        """Return each rule's cost: of what is ``inside`` a thing meets one of the first, and all of the second."""
        here: list[int] = []
        below = self._below
        for rule, (one_of, each) in zip(self._rules, inside, strict=True):
            cost = rule.weight + sum([here[place] for place in rule.same])
            if below:
                cost += max([below[place] for place in one_of], default=0) + sum([below[place] for place in each])
            here.append(cost)
        return here

    def _walk(self) -> None:
        waiting, looked = [self._root], 0
        while waiting:
            self._visit(waiting.pop(), set())
            while looked < len(self._order):
                rule = self._order[looked]
                waiting += _listed(rule, _INSIDE)
                looked += 1

    def _visit(self, rule: Any, within: set[int]) -> None:
        if id(rule) in within:
            raise ValueError("a $ref leads back to itself")
        if id(rule) in self._places:
            return
        if len(within) >= _MOST_NESTED:
            raise ValueError(f"its rules are nested deeper than {_MOST_NESTED} levels")
        within.add(id(rule))
        for one in _of_same_value(rule, self._root):
            self._visit(one, within)
        within.discard(id(rule))
        self._places[id(rule)] = len(self._order)
        self._order.append(rule)

    def _counted(self, rule: Any) -> _Rule:
        def places(rules: Iterable[Any]) -> tuple[int, ...]:
            return tuple(self._places[id(one)] for one in rules)

        # What looks for the rest meets the rules beside it again.
        times = 3 if isinstance(rule, dict) and any(name in rule for name in _UNEVALUATED) else 1
        return _Rule(
            weight=_weight(rule),
            same=places(_of_same_value(rule, self._root)) * times,
            fields=places(_listed(rule, ("properties",))),
            every_field=places(_listed(rule, (*_ANY_FIELD, "patternProperties"))),
            items=places(_listed(rule, ("prefixItems", "items"))),
            every_item=places(_listed(rule, _ANY_ITEM)),
        )


def _of_same_value(rule: Any, root: Any) -> Iterator[Any]:
    """Yield the rules that a value meets because it meets ``rule``."""
    if not isinstance(rule, dict):
        return
    for name in _UNSUPPORTED:
        if name in rule and not (name == "$id" and rule is root):
            raise ValueError(f"{name} is not supported: name what is meant by $ref and $defs")
    if "$ref" in rule:
        yield _referred(rule["$ref"], root)
    yield from _listed(rule, _HERE)
    for name in _MAPS:
        yield from (one for one in _map(rule.get(name)).values() if not isinstance(one, list))


def _referred(reference: Any, root: Any) -> Any:
    if not (isinstance(reference, str) and (reference == "#" or reference.startswith("#/"))):
        raise ValueError(f"$ref must point into the schema itself, such as #/$defs/NAME, got {_cut(repr(reference))}")
    found = root
    for part in unquote(reference).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (LookupError, TypeError, ValueError):
            raise ValueError(f"$ref points to nothing: {_cut(reference)}") from None
    return found


def _listed(rule: Any, names: Iterable[str]) -> Iterator[Any]:
    """Yield the rules that stand under ``names``: one, or several in a list or by names of their own."""
    for name in names:
        found = rule.get(name) if isinstance(rule, dict) else None
        if isinstance(found, list):
            yield from found
        elif name in ("properties", "patternProperties"):
            yield from _map(found).values()
        elif found is not None:
            yield found


def _weight(rule: Any) -> int:
    """Return what ``rule`` itself costs for a value, or for a character of it where it is a pattern."""
    if not isinstance(rule, dict):
        return 1
    listed = sum(len(rule[name]) for name in _LONG if isinstance(rule.get(name), list | dict))
    patterns = [rule.get("pattern"), *_map(rule.get("patternProperties"))]
    return 1 + listed + sum(_states(pattern) for pattern in patterns if isinstance(pattern, str))


def _states(pattern: str) -> int:
    """Return about how many states the automaton of a pattern has: so many may be looked at for each character."""
    sizes, last = [0], 0
    for token in _TOKENS.finditer(pattern):
        if token["opens"]:
            sizes.append(0)
            last = 0
        elif token["ends"] and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif token["low"]:
            more = last * (max(int(token["low"]), int(token["high"] or 0)) - 1)
            last += more
            sizes[-1] += more
        else:
            last = 1
            sizes[-1] += 1
    return sum(sizes)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
