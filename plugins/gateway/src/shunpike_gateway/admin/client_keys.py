"""Client keys over HTTP: made, listed, changed, revoked and forgotten; the key itself is shown once."""

from __future__ import annotations

from typing import Any

from shunpike.client import Client
from shunpike.control import ClientKeys, NamedKey
from shunpike.control.client_keys import issued, kept_as
from shunpike.errors import UsageError
from shunpike.types.client_key import HASH, ClientBounds, ClientKey
from shunpike.types.plain import plain
from shunpike_gateway.admin.bodies import ClientBody, ClientPatch, body_of
from shunpike_gateway.admin.changing import Changing
from shunpike_gateway.admin.paging import known_only, page, page_size
from shunpike_gateway.admin.reading import Showing, etag, not_found, rest_of
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiError, ApiFailure, RejectedBody
from shunpike_gateway.replies import json_reply


class ClientKeyAdmin:
    """What an operator does with client keys."""

    def __init__(self, client: Client, showing: Showing, changing: Changing, beginning: str) -> None:
        self._client = client
        self._showing = showing
        self._changing = changing
        self._beginning = beginning

    async def _keys(self) -> ClientKeys:
        return ClientKeys(await self._showing.control().controls())

    def _told(self, name: str, key: ClientKey) -> dict[str, Any]:
        fields = {field: value for field, value in plain(key).items() if field != HASH}
        return {"name": name, "state": key.why_not(self._client.clock.now()) or "active", **fields}

    async def all(self, call: HttpCall) -> None:
        """Show them by name, page by page: those behind the name ``after``."""
        known_only(call.head.query, "limit", "after")
        keys, after = await self._keys(), call.head.query.get("after", "")
        rows = [self._told(one.name, one.key) for one in keys.all() if one.name > after]
        told = page(rows, page_size(call.head.query), lambda one: one["name"])
        await call.write(json_reply(told, headers=etag(keys.controls.revision)))

    async def one(self, call: HttpCall) -> None:
        """Show one."""
        known_only(call.head.query)
        keys, found = await self._named(call)
        await call.write(json_reply(self._told(found.name, found.key), headers=etag(keys.controls.revision)))

    async def create(self, call: HttpCall) -> None:
        """Make one, and show it."""
        body = body_of(ClientBody, await call.json())
        keys = await self._keys()
        if keys.named(body.name) is not None:
            message = f"there is a client key {body.name!r}"
            raise ApiFailure(ApiError(409, "invalid_request_error", "name_taken", message, "name", should_retry=False))
        key, made = issued(_bounds(body.bounds), self._client.clock.now())
        after = await self._changing.change(call.head, [kept_as(body.name, made)], body.reason, keys.controls.revision)
        told = {**self._told(body.name, made), "key": key}
        headers = {**etag(after.revision), "cache-control": "no-store"}
        await call.write(json_reply(told, 201, headers))

    async def patch(self, call: HttpCall) -> None:
        """Change what bounds one, or revoke it."""
        body = body_of(ClientPatch, await call.json())
        keys, found = await self._named(call)
        revoked = found.key.revoked_at
        if "revoked" in body.model_fields_set and not body.revoked and revoked is not None:
            raise RejectedBody("a key that was revoked stays so: make a new one", param="revoked")
        if body.revoked and revoked is None:
            revoked = self._client.clock.now()
        bounds = {**{name: getattr(found.key, name) for name in ClientBounds.model_fields}, **body.bounds}
        changed = found.key.model_copy(update={**dict(_bounds(bounds)), "revoked_at": revoked})
        change = kept_as(found.name, changed)
        after = await self._changing.change(call.head, [change], body.reason, keys.controls.revision)
        await call.write(json_reply(self._told(found.name, changed), headers=etag(after.revision)))

    async def forget(self, call: HttpCall) -> None:
        """Forget one, which opens nothing from then on."""
        known_only(call.head.query)
        keys, found = await self._named(call)
        after = await self._changing.change(call.head, [kept_as(found.name, None)], "", keys.controls.revision)
        await call.write(json_reply({"name": found.name, "removed": True}, headers=etag(after.revision)))

    async def _named(self, call: HttpCall) -> tuple[ClientKeys, NamedKey]:
        name, keys = rest_of(call, self._beginning), await self._keys()
        found = keys.named(name)
        if found is None:
            raise not_found(f"there is no client key {name[:64]!a}")
        return keys, found


def _bounds(fields: dict[str, Any]) -> ClientBounds:
    try:
        return ClientBounds(**fields)
    except UsageError as error:
        raise RejectedBody(error.message) from None
