"""The models that may be asked for, in OpenAI's and Anthropic's words in one body: aliases first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shunpike.client import Client
from shunpike.protocols import Target
from shunpike.runtime.snapshot import Snapshot
from shunpike.types.base import ANY, iso
from shunpike_gateway.caller_bounds import may_use
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiError, ApiFailure, Caller
from shunpike_gateway.replies import json_reply

_PATH = "/v1/models/"
_MADE_AT = 1_700_000_000
"""Epoch seconds that stand for the moment of making, which nobody knows: clients want one."""


class ModelList:
    """Answers ``GET /v1/models`` and ``GET /v1/models/{id}``; the rows of one state of the settings are made once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._of: Snapshot | None = None
        self._rows: dict[str, dict[str, Any]] = {}

    async def all(self, call: HttpCall) -> None:
        """Answer with all that the caller may ask for; ``limit`` bounds how many."""
        rows = self._allowed(call.head.caller)
        limit = call.head.query.get("limit", "")
        shown = rows[: int(limit)] if limit.isdecimal() and 0 < len(limit) < 7 and int(limit) else rows
        ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {}
        await call.write(json_reply({"object": "list", "data": shown, "has_more": len(shown) < len(rows), **ends}))

    async def one(self, call: HttpCall) -> None:
        """Answer with the model that the path names."""
        name = call.head.path[len(_PATH) :]
        found = next((row for row in self._allowed(call.head.caller) if row["id"] == name), None)
        if found is None:
            message = f"there is no model {name[:200]!a} here"
            hint = "the models: GET /v1/models"
            problem = ApiError(404, "invalid_request_error", "model_not_found", message, param="model", hint=hint)
            raise ApiFailure(problem)
        await call.write(json_reply(found))

    def _allowed(self, caller: Caller) -> list[dict[str, Any]]:
        snapshot = self._client.runtime.snapshot
        if snapshot is not self._of:
            self._rows = {row["id"]: row for row in _rows(snapshot)}
            self._of = snapshot
        return [row for name, row in self._rows.items() if may_use(caller, name, snapshot.stands_for)]


def _rows(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    targets = snapshot.targets.targets
    for name in (*snapshot.settings.models, ANY):
        yield _row(name, "shunpike", {})
    for target in targets:
        yield _row(target.label, target.name, _facts(target))


def _row(name: str, owner: str, facts: dict[str, Any]) -> dict[str, Any]:
    made = {"created": _MADE_AT, "created_at": iso(_MADE_AT)}
    return {"id": name, "object": "model", "type": "model", "display_name": name, "owned_by": owner, **made, **facts}


def _facts(target: Target) -> dict[str, Any]:
    model = target.model
    facts: dict[str, Any] = {"kind": model.kind, "abilities": sorted(model.features)}
    if model.context is not None:
        facts |= dict.fromkeys(("context_window", "context_length", "max_input_tokens"), model.context)
    if model.max_output is not None:
        facts["max_output_tokens"] = model.max_output
    return facts
