"""Client keys: how one is made, and how the one that a client sends is found again."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import NamedTuple

from shunpike.patterns import matches
from shunpike.types.client_key import ClientBounds, ClientKey
from shunpike.types.control import Change, Controls, ControlSetting, Subject
from shunpike.types.principal import Principal

PREFIX = "sk-shunpike-"
"""What each begins with: some clients take nothing for a key that begins otherwise, and scanners know it by it."""
_RANDOM_BYTES = 32
_SHOWN = 4
LONGEST = 512
"""Characters of what a client may send as a key."""


def new_key() -> str:
    """Return a key that nobody has or can guess: 256 bits of the system's chance."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_of(key: str) -> str:
    """Return what is kept of ``key``."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def shown_of(key: str) -> str:
    """Return the beginning of ``key`` by which a person knows it, and which opens nothing."""
    return key[: len(PREFIX) + _SHOWN] + "…"


def may_ask(models: tuple[str, ...], name: str) -> bool:
    """Whether ``name`` may be asked for by whoever is bounded to the patterns ``models``; none bound nothing."""
    folded = name.casefold()
    return not models or any(matches(one.casefold(), folded) for one in models)


def issued(bounds: ClientBounds, now: float) -> tuple[str, ClientKey]:
    """Return a new key, which is shown once, and what is kept of it."""
    key = new_key()
    return key, ClientKey(**dict(bounds), sha256=hash_of(key), shown=shown_of(key), created_at=now)


def kept_as(name: str, key: ClientKey | None) -> Change:
    """Return the change that keeps ``key`` under ``name``, or forgets the one that is there. Raises `WrongField`."""
    value = None if key is None else key.model_dump(mode="json")
    return Change(subject=Subject.CLIENT, name=name, setting=ControlSetting.CLIENT_KEY, value=value)


class NamedKey(NamedTuple):
    """A client key with its name, and whom its requests are admitted for."""

    name: str
    key: ClientKey
    principal: Principal


class ClientKeys:
    """The client keys of one state of the controls."""

    def __init__(self, controls: Controls) -> None:
        self.controls = controls
        self._by_hash: dict[str, NamedKey] = {}
        for one in controls.overrides:
            if (one.subject, one.setting) == (Subject.CLIENT, ControlSetting.CLIENT_KEY):
                key: ClientKey = one.typed
                principal = Principal(id=one.name, budgets=key.budgets, limits=key.limits)
                self._by_hash[key.sha256] = NamedKey(one.name, key, principal)

    def __len__(self) -> int:
        """Return how many there are, those included that open nothing any more."""
        return len(self._by_hash)

    def all(self) -> tuple[NamedKey, ...]:
        """Return them by name."""
        return tuple(sorted(self._by_hash.values(), key=lambda one: one.name))

    def named(self, name: str) -> NamedKey | None:
        """Return the one of that name."""
        return next((one for one in self._by_hash.values() if one.name == name), None)

    def find(self, sent: str) -> NamedKey | None:
        """Return the one that ``sent`` is, None where it is none."""
        # By its hash, so that the time that this takes tells nothing of any key.
        return None if len(sent) > LONGEST else self._by_hash.get(hash_of(sent))
