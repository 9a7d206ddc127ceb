"""Bodies: packed ones, bounds, and what two readers could understand in two ways."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from shunpike.types import GatewaySettings
from shunpike_gateway.bodies import decoded
from shunpike_gateway.exchange import RejectedBody
from shunpike_gateway.strict_json import MOST_DEPTH, parsed

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package

CHAT = "/v1/chat/completions"
BODY = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
MOST = 1_000_000
TEXT = st.text(st.characters(codec="utf-8"))


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=300_000), st.sampled_from(sorted(PACKERS)))
def test_what_was_packed_is_unpacked(data: bytes, name: str) -> None:
    assert decoded(PACKERS[name](data), {"content-encoding": name.upper()}, MOST) == data


def test_deflate_may_be_raw_gzip_may_have_members_and_both_may_be_one_in_the_other() -> None:
    assert decoded(raw_deflate(b"{}" * 99), {"content-encoding": "deflate"}, MOST) == b"{}" * 99
    assert decoded(gzip.compress(b"{") + gzip.compress(b"}"), {"content-encoding": "gzip"}, MOST) == b"{}"
    twice = gzip.compress(zlib.compress(b"{}"))
    assert decoded(twice, {"content-encoding": "deflate, gzip"}, MOST) == b"{}"
    assert decoded(b"{}", {"content-encoding": "identity"}, MOST) == b"{}"


@pytest.mark.parametrize("name", sorted(PACKERS))
@pytest.mark.parametrize("cut", [0, 1, 9, -1])
def test_what_is_damaged_is_a_400(name: str, cut: int) -> None:
    packed = PACKERS[name](json.dumps(BODY).encode() * 50)
    for damaged in (packed[:cut] if cut else b"", packed + b"x", b"\x00" + packed[1:]):
        with pytest.raises(RejectedBody) as raised:
            decoded(damaged or b"?", {"content-encoding": name}, MOST)
        assert raised.value.status == 400


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_a_bomb_is_stopped_while_it_is_unpacked(name: str) -> None:
    bomb = PACKERS[name](bytes(200 * MOST))
    assert len(bomb) < MOST
    with pytest.raises(RejectedBody) as raised:
        decoded(bomb, {"content-encoding": name}, MOST)
    assert raised.value.status == 413


@pytest.mark.parametrize("name", ["br", "gzip, br", "gzip, gzip, gzip", "GZIP;q=1"])
def test_another_packing_is_a_415(name: str) -> None:
    with pytest.raises(RejectedBody) as raised:
        decoded(b"{}", {"content-encoding": name}, MOST)
    assert raised.value.status == 415


WRONG: list[bytes] = [
    b"", b" ", b"null", b"[]", b'"a"', b"1", b"true", b"{", b"{}{}", b"{'a': 1}", b'{"a": 1, "a": 2}',
    b'{"x": {"a": 1, "b": 2, "a": 1}}', b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e999}',
    b'{"a": -1e999}', b'{"a": "\\ud800"}', b'{"a": "\\udc00\\ud800"}', b'{"\\ud800": 1}', b'{"a": ["\\uDBFF"]}',
    b"\xef\xbb\xbf{}", "{}".encode("utf-16"), "{}".encode("utf-32"), b'{"a": "\xff"}', b'{"a": "\xed\xa0\x80"}',
    b'{"a": ' + b"9" * 5000 + b"}", b'{"a": -' + b"9" * 5000 + b"}", b'{"a": ' + b"[" * 100_000, b"[" * 100_000,
    b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", b'{"a":' * 200 + b"1" + b"}" * 200, b'{"a": "\x00"}', b'{"a": "\n"}',
    b'{"a": 01}', b'{"a": .5}', b'{"a": 1,}', b'{"a": undefined}', b"a=1&b=2",
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--',
]  # fmt: skip


@pytest.mark.parametrize("raw", WRONG, ids=lambda raw: repr(raw[:24]))
def test_what_is_no_plain_json_object_is_rejected(raw: bytes) -> None:
    with pytest.raises(RejectedBody) as raised:
        parsed(raw)
    assert raised.value.status == 400
    assert len(raised.value.message) < 300


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        TEXT,
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_what_is_json_is_read_as_it_is(value: dict[str, Any], escaped: bool) -> None:
    assert parsed(json.dumps(value, ensure_ascii=escaped).encode()) == value


def test_nesting_is_bounded_at_its_bound() -> None:
    depth = MOST_DEPTH - 1
    assert parsed(b'{"a": ' + b"[" * depth + b"]" * depth + b"}")
    with pytest.raises(RejectedBody, match="nested"):
        parsed(b'{"a": ' + b"[" * (depth + 1) + b"]" * (depth + 1) + b"}")


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parsed(b'{"a": "\\ud83d\\ude00"}') == {"a": "😀"}


@pytest.mark.parametrize("name", sorted(PACKERS))
async def test_a_packed_chat_is_answered(gateway: InProcessGateway, name: str) -> None:
    packed = PACKERS[name](json.dumps(BODY).encode())
    answer = await gateway.post(CHAT, packed, {"content-encoding": name})
    assert answer.status == 200, answer.body


class TestBounds:
    @pytest.fixture
    def gateway_settings(self) -> GatewaySettings:
        return GatewaySettings(max_body=2048, body_timeout=0.05)

    async def test_a_length_that_is_too_large_is_refused_before_anything_is_read(
        self, gateway: InProcessGateway
    ) -> None:
        for length in ("2049", "9" * 30):
            call = gateway.call("POST", CHAT, parts=[b""] * 9, headers={"content-length": length})
            assert (await call.whole()).status == 413
            assert len(call._parts) == 9

    async def test_a_body_without_length_is_counted(self, gateway: InProcessGateway) -> None:
        call = gateway.call("POST", CHAT, parts=[b" " * 500] * 1000)
        answer = await call.whole()
        assert (answer.status, answer.json()["error"]["code"]) == (413, "request_too_large")
        assert len(call._parts) == 995

    async def test_a_body_that_does_not_come_is_a_408(self, gateway: InProcessGateway) -> None:
        call = gateway.call("POST", CHAT, parts=[b"{"])
        call._parts = []  # nothing comes, and nobody hangs up
        assert (await call.whole()).status == 408

    async def test_a_bomb_is_a_413(self, gateway: InProcessGateway) -> None:
        answer = await gateway.post(CHAT, gzip.compress(bytes(1_000_000)), {"content-encoding": "gzip"})
        assert answer.status == 413
