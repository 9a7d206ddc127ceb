"""Client keys: made once, kept as a hash, found again by what a client sends, and by nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shunpike.control import ClientKeys, MemoryControl
from shunpike.control.client_keys import LONGEST, PREFIX, hash_of, issued, kept_as, may_ask
from shunpike.errors import WrongField
from shunpike.types import Budget, Limit, Money, Rolling, Unit
from shunpike.types.client_key import ClientBounds, ClientKey
from shunpike.types.control import UNCONTROLLED, Controls, Signature

pytestmark = pytest.mark.anyio
AT = 1_780_000_000.0
BOUNDS = ClientBounds(
    budgets=(Budget(amount=Money.usd(5), period="month"),),
    limits=(Limit(unit=Unit.REQUEST, amount=30, window=Rolling(seconds=60)),),
    models=("fast", "groq/*"),
)


async def kept(**named: ClientKey) -> Controls:
    changes = [kept_as(name, key) for name, key in named.items()]
    return await MemoryControl().change(changes, Signature(at=AT, who="ann@north"))


async def test_a_key_is_found_by_itself_and_admits_for_its_name_with_its_bounds() -> None:
    key, made = issued(BOUNDS, AT)
    found = ClientKeys(await kept(ann=made, bob=issued(ClientBounds(), AT)[1])).find(key)
    assert found is not None
    assert (found.name, found.key) == ("ann", made)
    assert found.principal.id == "ann"
    assert (found.principal.budgets, found.principal.limits) == (BOUNDS.budgets, BOUNDS.limits)


async def test_nothing_else_finds_it() -> None:
    key, made = issued(BOUNDS, AT)
    keys = ClientKeys(await kept(ann=made))
    for sent in ("", key[:-1], key + "x", key.upper(), made.shown, made.sha256, "ann", "\ud800", key + "x" * LONGEST):
        assert keys.find(sent) is None
    assert ClientKeys(UNCONTROLLED).find(key) is None


def test_of_the_key_only_its_hash_and_beginning_are_kept() -> None:
    key, made = issued(BOUNDS, AT)
    assert re.fullmatch(PREFIX + r"[A-Za-z0-9_-]{43}", key)
    assert made.sha256 == hash_of(key)
    assert key[:16] in made.shown
    assert key[17:] not in made.model_dump_json()
    assert made.sha256 not in repr(made)
    assert issued(BOUNDS, AT)[0] != key


@pytest.mark.parametrize(
    ("changed", "now", "why"),
    [
        ({}, AT, None),
        ({"expires_at": AT + 10}, AT + 9.9, None),
        ({"expires_at": AT + 10}, AT + 10, "expired"),
        ({"revoked_at": AT + 5}, AT, "revoked"),
        ({"revoked_at": AT + 5, "expires_at": AT + 1}, AT + 9, "revoked"),
    ],
)
def test_it_opens_nothing_once_it_expired_or_was_revoked(changed: dict[str, Any], now: float, why: str | None) -> None:
    assert issued(BOUNDS, AT)[1].model_copy(update=changed).why_not(now) == why


@pytest.mark.parametrize(
    ("models", "name", "may"),
    [
        ((), "anything", True),
        (("fast",), "fast", True),
        (("fast",), "FAST", True),
        (("fast",), "faster", False),
        (("groq/*",), "groq/llama/3", True),
        (("groq/*",), "groq", False),
        (("fast", "*haiku*"), "claude-haiku-9", True),
    ],
)
def test_patterns_say_what_it_may_ask_for(models: tuple[str, ...], name: str, may: bool) -> None:
    assert may_ask(models, name) is may


@pytest.mark.parametrize("models", [("",), ("x" * 301,), ("a\nb",)])
def test_what_is_no_pattern_is_rejected(models: tuple[str, ...]) -> None:
    with pytest.raises(WrongField, match="pattern"):
        ClientBounds(models=models)


def test_a_key_needs_a_name() -> None:
    with pytest.raises(WrongField, match="needs a name"):
        kept_as("", issued(BOUNDS, AT)[1])
