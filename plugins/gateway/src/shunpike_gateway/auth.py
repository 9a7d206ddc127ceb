"""Who asks, by the key that a request bears; without one only this machine, where no keys are set up."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Literal

from shunpike.client import Client
from shunpike.clock import moment
from shunpike.config import KeyStore, admin_key
from shunpike.control import ClientKeys, NamedKey
from shunpike.errors import ConfigError, StoreError
from shunpike.patience import answered
from shunpike.types import GatewaySettings
from shunpike_gateway.exchange import ApiError, ApiFailure, Caller, Head
from shunpike_gateway.failed_logins import FailedLogins
from shunpike_gateway.guards import is_from_another_site, is_local

ANYBODY = Caller()
OPERATOR = Caller(name="operator")
"""Who has the admin key, or sits at this machine where none is needed."""
_HEADERS = ("x-api-key", "api-key")
_FIRST_LOOK = 10.0
"""Seconds that the first look at the store may take."""
_CREATE = "make one: shunpike keys client create"


class Doorkeeper:
    """Lets in who may ask, and tells who that is. Keys are made, revoked and expire while it runs.

    Raises `ConfigError` where there is an admin key that can't be one.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._host = client.settings.gateway.host
        self._is_local = is_local(self._host)
        self._failed = FailedLogins()
        self._keys: ClientKeys | None = None
        self.apply(client.settings.gateway, self.admin_digest())

    def admin_digest(self) -> bytes | None:
        """Return the digest of the admin key that is set now; None = there is none. Raises `ConfigError`."""
        key = admin_key(self._client.environ, KeyStore())
        return None if key is None else _digest(key.get_secret_value())

    def apply(self, settings: GatewaySettings, admin: bytes | None) -> None:
        """Go by other ``settings`` and by another admin key from the next request on."""
        self._admin, self._wants_admin = admin, settings.admin

    async def keys(self) -> ClientKeys:
        """Return the client keys there are now. Raises `ApiFailure` where the store can't tell, and never could."""
        runtime = self._client.runtime
        await runtime.obey()
        if runtime.controls is None:
            # The first look may take longer than any other: the store is opened for it.
            with suppress(StoreError):
                await answered(runtime.heed(), self._client.clock, _FIRST_LOOK)
        controls = runtime.controls
        if controls is None:
            message = "the store can't be read, so that nobody knows who may ask"
            raise ApiFailure(ApiError(503, "api_error", "store_unavailable", message, retry_after=1.0))
        if self._keys is None or self._keys.controls is not controls:
            self._keys = ClientKeys(controls)
        return self._keys

    @property
    def has_admin(self) -> bool:
        """Whether there is an admin API."""
        wanted, has_key = self._wants_admin, self._admin is not None
        return (self._is_local or has_key) if wanted is None else wanted and (self._is_local or has_key)

    async def needs_key(self) -> bool:
        """Whether who asks needs a key. Raises `ConfigError` where the store can't tell."""
        return not self._is_local or bool(await self._keys_at_start())

    async def check_bind(self) -> None:
        """Raise `ConfigError` where others could ask, or change something, without any key."""
        if self._is_local:
            return
        host, now, keys = self._host, self._client.clock.now(), await self._keys_at_start()
        if all(one.key.why_not(now) is not None for one in keys.all()):
            raise ConfigError(
                f"{host} can be reached by others, and there is no client key that they would need",
                hint=f"{_CREATE}   ·   or listen on this machine alone: --host 127.0.0.1",
            )
        if self._wants_admin and self._admin is None:
            raise ConfigError(
                f"the admin API can be reached by others at {host}, and has no key",
                hint="export SHUNPIKE_ADMIN_KEY=$(openssl rand -hex 24)   ·   or gateway.admin = false",
            )

    async def _keys_at_start(self) -> ClientKeys:
        try:
            return await self.keys()
        except ApiFailure as failure:
            raise ConfigError(failure.problem.message, hint="see: shunpike doctor") from None

    async def admit(self, head: Head, access: Literal["client", "admin"]) -> Caller:
        """Return who asks. Raises `ApiFailure` where that may not be."""
        keys = await self.keys()
        return self._client_of(head, keys) if access == "client" else self._operator(head, keys)

    def _client_of(self, head: Head, keys: ClientKeys) -> Caller:
        if not keys and self._is_local:
            return ANYBODY
        now, found = self._client.clock.now(), [one for sent in _sent(head.headers) if (one := keys.find(sent))]
        for one in found:
            if one.key.why_not(now) is None:
                return Caller(one.name, one.principal, one.key.models, one.key.no_paid)
        self._note_failure(head)
        raise _refused(found[0], now) if found else _unknown(head)

    def _operator(self, head: Head, keys: ClientKeys) -> Caller:
        if not self.has_admin:
            hint = "see the settings gateway.admin and, for /metrics, gateway.metrics"
            raise ApiFailure(
                ApiError(404, "invalid_request_error", "not_found", "there is no admin API here", hint=hint)
            )
        if head.method not in ("GET", "HEAD") and not _is_json(head.headers):
            message = "what changes something is sent as content-type: application/json"
            raise ApiFailure(ApiError(415, "invalid_request_error", "unsupported_media_type", message))
        sent = [*_sent(head.headers)]
        if self._admin is None:
            if is_from_another_site(head.headers):  # Whatever pages may ask for answers, none is the operator.
                message = "a web page opens no admin API where that has no key"
                raise ApiFailure(ApiError(403, "permission_error", "origin_not_allowed", message, should_retry=False))
            if not keys:
                return OPERATOR
            message = "the admin API needs a key of its own where there are client keys"
            hint = "start the gateway with SHUNPIKE_ADMIN_KEY set"
            raise ApiFailure(ApiError(403, "permission_error", "admin_key_required", message, hint=hint))
        self._may_try(head)
        if any(hmac.compare_digest(self._admin, _digest(one)) for one in sent):
            return OPERATOR
        self._note_failure(head)
        if any(keys.find(one) for one in sent):
            message = "a client key opens no admin API"
            raise ApiFailure(ApiError(403, "permission_error", "admin_key_required", message, should_retry=False))
        raise _unknown(head, "the admin key")

    def _may_try(self, head: Head) -> None:
        wait = self._failed.wait(head.peer, self._client.clock.monotonic())
        if wait:
            message = "too many tries with keys that are none; wait, then try the right one"
            raise ApiFailure(ApiError(429, "rate_limit_error", "too_many_failed_logins", message, retry_after=wait))

    def _note_failure(self, head: Head) -> None:
        # A client key can't be guessed, and its owner may share the address with somebody whose program is wrong: so
        # who has a right one is always let in, and only the answer to the wrong one is another after many of them.
        self._may_try(head)
        self._failed.failed(head.peer, self._client.clock.monotonic())


def _sent(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield what was sent as a key, wherever clients put it."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and key.strip():
        yield key.strip()
    for name in _HEADERS:
        if key := headers.get(name, "").strip():
            yield key


def _is_json(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def _unknown(head: Head, what: str = "a client key") -> ApiFailure:
    has = any(True for _ in _sent(head.headers))
    message = f"what was sent is not {what} of this gateway" if has else f"this needs {what}, and none was sent"
    hint = "send it as: authorization: Bearer KEY"
    return _unauthorized("invalid_api_key", message, hint)


def _refused(one: NamedKey, now: float) -> ApiFailure:
    why = one.key.why_not(now)
    when = one.key.revoked_at if why == "revoked" else one.key.expires_at
    at = "" if when is None else f", {moment(when):%Y-%m-%d %H:%M} UTC"
    word = "was revoked" if why == "revoked" else "has expired"
    return _unauthorized(f"{why}_api_key", f"the key of {one.name} {word}{at}", "ask whoever runs it for a new one")


def _unauthorized(code: str, message: str, hint: str) -> ApiFailure:
    problem = ApiError(401, "authentication_error", code, message, hint=hint, should_retry=False)
    return ApiFailure(problem, {"www-authenticate": "Bearer"})
