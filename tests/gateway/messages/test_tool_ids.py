"""Ids and names that not everybody takes are changed in one way, always the same."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shunpike_gateway.tool_ids import SAFE_ID, renamed, safe_id, safe_name

words = st.text(alphabet="aZ0-_.:é \n", max_size=90)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words, words)
def test_what_comes_out_is_safe_stays_as_it_is_and_tells_one_from_another(one: str, other: str) -> None:
    for made in (safe_id, safe_name):
        assert SAFE_ID.fullmatch(made(one))
        assert made(made(one)) == made(one)
        assert (made(one) == made(other)) == (one == other or made(one) == other or made(other) == one)


def test_a_safe_one_is_left_alone() -> None:
    assert safe_id("toolu_01A-b") == "toolu_01A-b"
    assert safe_name("x" * 64) == "x" * 64


def test_the_beginning_of_a_long_name_is_kept_for_the_model_to_read() -> None:
    long = f"mcp__{'server' * 12}__read"
    short = safe_name(long)
    assert short.startswith(long[:50])
    assert renamed([long, "read"]) == {short: long}
