"""OpenAI's published schema, which answers and events are held against; read from beside the project, not copied."""

from __future__ import annotations

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

PLACES = [os.environ.get("SHUNPIKE_SPECS"), Path(__file__).parents[3] / "shared" / "specs"]
FOLDER = next((Path(place) for place in PLACES if place and Path(place).is_dir()), None)

WAIVED = {
    # Each recorded stream of OpenAI's has it so in its first events.
    'response.usage: null is not of type "object"',
}
"""What OpenAI's own answers are against the schema in, too."""


@cache
def _components() -> dict[str, Any]:
    if FOLDER is None:
        pytest.skip("no published schema: set SHUNPIKE_SPECS")
    newest = max(FOLDER.glob("openai-*.json.gz"))
    with gzip.open(newest) as file:
        described: dict[str, Any] = json.load(file)
    return {"schemas": described["components"]["schemas"]}


@cache
def validator(name: str) -> Any:
    """The validator of one schema, such as ``Response`` or ``ResponseStreamEvent``."""
    return jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": _components()})


def complaints(name: str, value: Any) -> list[str]:
    """What the published schema ``name`` has against ``value``."""
    found = [f"{'.'.join(map(str, one.instance_path))}: {one.message}" for one in validator(name).iter_errors(value)]
    return [one[:300] for one in found if one not in WAIVED]


def event_complaints(event: Any) -> list[str]:
    """What the published schema of its type has against an event of the Responses API."""
    return complaints(_schema_of_event(event["type"]), event)


@cache
def _schema_of_event(kind: str) -> str:
    schemas = _components()["schemas"]
    names = [one["$ref"].rpartition("/")[2] for one in schemas["ResponseStreamEvent"]["anyOf"]]
    return next(name for name in names if kind in schemas[name]["properties"]["type"].get("enum", ()))
