"""Two keys of one provider: whose limits they share is what their sections say."""

from __future__ import annotations

import pytest

from shunpike.ledger.buckets import bucket_of
from shunpike.types import Confidence, Limit, Rolling, Scope, Unit
from shunpike.types.base import changed
from shunpike_testkit.targets import target

ONE, OTHER = changed(target(), name="north-one"), changed(target(), name="north-two")


def shared(scope: Scope, account: str) -> bool:
    limit = Limit(
        unit=Unit.REQUEST,
        amount=5,
        window=Rolling(seconds=60),
        scope=scope,
        pool="small" if scope is Scope.POOL else None,
        confidence=Confidence.OPERATOR,
    )
    first, second = (bucket_of(changed(one, account=account), limit) for one in (ONE, OTHER))
    return first == second


@pytest.mark.parametrize("scope", [Scope.MODEL, Scope.ACCOUNT, Scope.POOL, Scope.PROJECT])
def test_sections_of_one_named_account_share_its_limits_and_others_do_not(scope: Scope) -> None:
    assert shared(scope, "team")
    assert not shared(scope, "default")


def test_a_limit_of_a_key_is_its_own_also_in_one_account() -> None:
    assert not shared(Scope.KEY, "team")


def test_an_address_is_everybodys() -> None:
    assert shared(Scope.IP, "default")
