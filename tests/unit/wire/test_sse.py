from __future__ import annotations

import pytest

from shunpike.errors import Overloaded
from shunpike.wire import EventParser, ServerSentEvent


def parse(*parts: bytes) -> list[ServerSentEvent]:
    parser = EventParser(provider="acme")
    return [event for part in parts for event in parser.feed(part)] + parser.close()


def test_comments_and_blank_lines_are_no_events() -> None:
    assert parse(b": PROCESSING\n\n: keep-alive\n\n\n\ndata: x\n\n") == [ServerSentEvent("", "x")]


def test_lines_of_data_are_joined_and_one_space_is_taken_away() -> None:
    assert parse(b"data: a\ndata:b\ndata:  c\n\n") == [ServerSentEvent("", "a\nb\n c")]


def test_an_event_may_have_a_name_and_an_id() -> None:
    assert parse(b'event: error\nid: 5\ndata: {"error":1}\n\ndata: x\n\n') == [
        ServerSentEvent("error", '{"error":1}', "5"),
        ServerSentEvent("", "x", "5"),
    ]


def test_an_event_without_data_is_none_and_its_name_is_forgotten() -> None:
    assert parse(b"event: error\n\ndata: x\n\n") == [ServerSentEvent("", "x")]


def test_a_carriage_return_ends_a_line_before_its_line_feed_comes() -> None:
    parser = EventParser()
    assert parser.feed(b"data: x\r\n\r") == [ServerSentEvent("", "x")]
    assert parser.feed(b"\ndata: y\r\n\r\n") == [ServerSentEvent("", "y")]


def test_a_character_may_be_cut_in_two() -> None:
    snake = "data: 🐍\n\n".encode()
    assert parse(snake[:8], snake[8:]) == [ServerSentEvent("", "🐍")]


def test_a_byte_order_mark_at_the_start_is_skipped() -> None:
    assert parse(b"\xef", b"\xbb\xbfdata: x\n\n") == [ServerSentEvent("", "x")]


def test_an_event_without_its_blank_line_is_given_out_at_the_end() -> None:
    assert parse(b"data: x\n") == [ServerSentEvent("", "x")]
    assert parse(b"data: [DONE]") == [ServerSentEvent("", "[DONE]")]


@pytest.mark.parametrize("line", [b"data: " + b"x" * 40, b"data: " + b"x" * 40 + b"\n", b"data: 12345678901\n" * 4])
def test_an_event_beyond_all_bounds_is_refused(line: bytes) -> None:
    with pytest.raises(Overloaded, match="acme: an event of the stream is larger than 32 bytes") as caught:
        EventParser(provider="acme", max_event=32).feed(line)
    assert caught.value.kind == "malformed"


def test_many_small_events_are_never_too_large() -> None:
    parser = EventParser(provider="acme", max_event=32)
    assert len(parser.feed(b"data: 0123456789\n\n" * 100)) == 100
    assert sum(len(parser.feed(bytes([byte]))) for byte in b"data: 0123456789\n\n" * 100) == 100


def test_a_long_line_in_small_parts_takes_linear_time() -> None:
    parser = EventParser()
    for _ in range(200_000):
        parser.feed(b"0123456789")
    assert parser.feed(b"\n") == []


def test_lines_that_belong_to_no_event_are_kept_apart() -> None:
    parser = EventParser()
    events = parser.feed(b'data: x\r\n\r\n: note\r\nretry: 5\r\n{\r\n "error": 1\r\n}') + parser.close()
    assert events == [ServerSentEvent("", "x")]
    assert parser.stray == '{\n "error": 1\n}'
    assert len(parser.feed(b"junk\n" * 5000)) == 0
    assert len(parser.stray) < 6000
