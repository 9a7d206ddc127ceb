"""What the admin API changes: within a second, in every process that shares the store, and written down."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from shunpike.client import Client
from shunpike.client.switching import check_account, switches
from shunpike.control import RevisionConflict
from shunpike.errors import UnknownModel, UnknownProvider
from shunpike.types.control import Change, Controls, ControlSetting, Signature, Subject
from shunpike_gateway.admin.bodies import AttemptsBody, LimitsBody, OrderBody, SwitchBody, body_of, operator_limits
from shunpike_gateway.admin.reading import Showing, controls_of, etag, not_found
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiError, ApiFailure, Head, RejectedBody
from shunpike_gateway.replies import json_reply


def expected_of(head: Head) -> int | None:
    """Return the revision that a change was decided by, of ``If-Match``. Raises `ApiFailure` for what is none."""
    given = head.headers.get("if-match", "*").strip()
    if given == "*":
        return None
    number = given.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise conflict(f'If-Match should be a revision such as "12", got {given[:40]!r}')
    return int(number)


def conflict(message: str) -> ApiFailure:
    """Return the error for a change that was decided by what does not hold any more."""
    return ApiFailure(ApiError(412, "invalid_request_error", "revision_conflict", message, should_retry=False))


def who_asks(head: Head) -> str:
    """Return who changes something, as the audit tells it: what a proxy says is taken only where it is an address."""
    try:
        return f"admin API from {ipaddress.ip_address(head.peer)}"
    except ValueError:
        return "admin API"


class Changing:
    """Makes changes as the operator, of one client."""

    def __init__(self, client: Client, showing: Showing) -> None:
        self._client = client
        self._showing = showing

    async def change(self, head: Head, changes: Sequence[Change], reason: str, expected: int | None = None) -> Controls:
        """Make ``changes`` unless ``If-Match`` names another revision, or it is not the one ``expected``.

        Raises `ApiFailure`, `StoreError`.
        """
        signed = Signature(at=self._client.clock.now(), who=who_asks(head), why=reason)
        named = expected_of(head)
        if named is not None and expected not in (None, named):
            raise conflict(f"the controls are at revision {expected}, not {named}")
        try:
            after = await self._showing.control().change(changes, signed, named if expected is None else expected)
        except RevisionConflict as error:
            raise conflict(error.message) from None
        await self._client.runtime.heed()
        return after

    async def _answer(self, call: HttpCall, changes: Sequence[Change], reason: str) -> None:
        after = await self.change(call.head, changes, reason)
        await call.write(json_reply(controls_of(after), headers=etag(after.revision)))

    async def switch(self, call: HttpCall) -> None:
        """Switch a provider, an account or a model on or off."""
        body = body_of(SwitchBody, await call.json())
        try:
            changes = switches(self._client, body.name, value=None if body.enabled else False)
        except (UnknownProvider, UnknownModel) as error:
            raise not_found(error.message) from None
        await self._answer(call, changes, body.reason)

    async def order(self, call: HttpCall) -> None:
        """Say which providers are preferred."""
        body = body_of(OrderBody, await call.json())
        for name in body.order or ():
            self._check(name)
        if len({*(body.order or ())}) < len(body.order or ()):
            raise RejectedBody("order names a provider twice", param="order")
        change = Change(subject=Subject.EVERYTHING, setting=ControlSetting.ORDER, value=body.order)
        await self._answer(call, [change], body.reason)

    async def attempts(self, call: HttpCall) -> None:
        """Say how many attempts a request may take."""
        body = body_of(AttemptsBody, await call.json())
        change = Change(subject=Subject.EVERYTHING, setting=ControlSetting.MAX_ATTEMPTS, value=body.max_attempts)
        await self._answer(call, [change], body.reason)

    async def limits(self, call: HttpCall) -> None:
        """Hold a provider to limits of the operator's own."""
        body = body_of(LimitsBody, await call.json())
        self._check(body.name)
        rows = None if body.limits is None else [one.model_dump(mode="json") for one in operator_limits(body.limits)]
        change = Change(subject=Subject.ACCOUNT, name=body.name, setting=ControlSetting.LIMITS, value=rows or None)
        await self._answer(call, [change], body.reason)

    def _check(self, name: str) -> None:
        try:
            check_account(self._client, name)
        except UnknownProvider as error:
            raise not_found(error.message) from None
