"""The shape that an answer shall have: ``response_format`` as chat completions know it, or a type of the caller's."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from typing_extensions import is_typeddict

from shunpike.client.option_values import plain, wrong
from shunpike.complaints import in_words
from shunpike.errors import UsageError
from shunpike.json_schema import json_schema
from shunpike.validation import about, near, shown

Reads = Callable[[str], Any]
"""Text of an answer → the object that was asked for. Raises `ValueError` saying what does not fit."""
KINDS = ("text", "json_object", "json_schema")
_WRAPPED = '{"type": "json_schema", "json_schema": {"name": "answer", "schema": {…}}}'
_HINT = f'{{"type": "json_object"}}, {_WRAPPED}, or a pydantic model'


def response_format(name: str, value: Any) -> dict[str, Any]:
    """Return the format in the words of chat completions. Raises `UsageError`."""
    if is_type(value):
        return _format_of(name, value)
    if not isinstance(value, Mapping):
        raise wrong(name, "an object with a type, or a pydantic model", value, f"such as {_HINT}")
    kind = value.get("type")
    if kind not in KINDS:
        got = "is missing" if kind is None else f"must be one of {', '.join(KINDS)}, got {shown(kind)}"
        guess = near(kind, KINDS) if isinstance(kind, str) else ""
        bare = kind == "object" or "properties" in value
        hint = f"a schema stands inside: {_WRAPPED}" if bare else f"such as {_HINT}"
        raise UsageError(f"{name}.type {got}{guess}", hint=hint)
    wanted = value.get("json_schema")
    if kind == "json_schema" and not (isinstance(wanted, Mapping) and isinstance(wanted.get("schema"), Mapping)):
        raise wrong(f"{name}.json_schema", "an object that holds a schema", wanted, f"such as {_WRAPPED}")
    found = plain(name, dict(value))
    if kind == "json_schema":
        try:
            json_schema(json.dumps(found["json_schema"]["schema"]))
        except ValueError as error:
            raise UsageError(
                f"{name}.json_schema.schema can't be checked: {error}",
                hint="correct it; what it refers to stands in it, and patterns do not look ahead or back",
            ) from None
    return found


def reader(value: Any) -> Reads | None:
    """Return what reads an answer as the type ``value``, None where it is none."""
    if not is_type(value):
        return None
    adapter = TypeAdapter[Any](value)

    def read(text: str) -> Any:
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            got = "" if first["type"] == "missing" else f", got {shown(first['input'])}"
            raise ValueError(f"the answer is no {value.__name__}: {about(first)}{got}") from None
        except Exception as error:
            raise ValueError(f"the answer is no {value.__name__}: {in_words(error)}") from error

    return read


def is_type(value: Any) -> bool:
    """Whether an answer can be read as ``value``: a pydantic model, a dataclass or a TypedDict."""
    if not isinstance(value, type):
        return False
    return issubclass(value, BaseModel) or dataclasses.is_dataclass(value) or is_typeddict(value)


def _format_of(name: str, value: type[Any]) -> dict[str, Any]:
    try:
        schema = TypeAdapter[Any](value).json_schema()
    except (PydanticUserError, PydanticInvalidForJsonSchema, TypeError, NameError) as error:
        said, code = str(error).partition("\n")[0], getattr(error, "code", None)
        typed = f"give its fields types that JSON has, or write the schema: {_WRAPPED}"
        raise UsageError(
            f"{name}: no JSON schema can be made of {value.__name__}: {said}",
            hint="from typing_extensions import TypedDict" if code == "typed-dict-version" else typed,
        ) from None
    if not _is_object(schema):
        raise UsageError(
            f"{name}: {value.__name__} is no object, which the whole of an answer must be",
            hint="put it into a field: class Answer(BaseModel): items: list[int]",
        )
    title = re.sub(r"[^A-Za-z0-9_-]", "_", value.__name__)[:64]
    exact = _is_closed(schema)
    made = {"name": title, "schema": _strict(schema, schema) if exact else schema, "strict": exact}
    return {"type": "json_schema", "json_schema": made}


def _is_object(schema: Mapping[str, Any]) -> bool:
    """Whether a whole ``schema`` is that of an object: services that check the strict form take no other."""
    root = schema
    while isinstance(reference := root.get("$ref"), str):
        root = schema["$defs"][reference.removeprefix("#/$defs/")]
    return root.get("type") == "object"


def _is_closed(schema: Any) -> bool:
    """Whether each object in ``schema`` names its fields, and each field its type, as the strict form demands."""
    if isinstance(schema, list):
        return all(map(_is_closed, schema))
    if not isinstance(schema, dict):
        return True
    parts = [*schema.get("properties", {}).values(), schema.get("items")]
    if any(isinstance(part, dict) and not _TYPED.intersection(part) for part in parts):
        return False
    if schema.get("type") == "object" and (schema.get("additionalProperties") or "properties" not in schema):
        return False
    return all(map(_is_closed, schema.values()))


def _strict(node: Any, root: Mapping[str, Any], within: frozenset[str] = frozenset()) -> Any:
    """Return ``node`` in the strict form: all fields required, no others, no defaults, ``anyOf`` for ``oneOf``.

    A reference stands alone there: what is beside one is put into a copy, unless ``within`` one of itself.
    """
    if isinstance(node, list):
        return [_strict(one, root, within) for one in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str) and len(node) > 1:
        if reference in within:
            return {"$ref": reference}
        within |= {reference}
        node = {**root["$defs"][reference.removeprefix("#/$defs/")], **node}
        del node["$ref"]
    kept = {name: value for name, value in node.items() if name not in _DROPPED}
    found = {_RENAMED.get(name, name): _strict_part(name, value, root, within) for name, value in kept.items()}
    if found.get("type") == "object":
        found["required"] = list(found["properties"])
        found["additionalProperties"] = False
    return found


def _strict_part(name: str, value: Any, root: Mapping[str, Any], within: frozenset[str]) -> Any:
    if name in ("properties", "$defs"):  # names of the caller's own, which may be words of schemas
        return {own: _strict(one, root, within) for own, one in value.items()}
    return value if name in ("enum", "const", "required") else _strict(value, root, within)


_TYPED = frozenset({"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"})
_DROPPED = ("default", "discriminator")
_RENAMED = {"oneOf": "anyOf"}
