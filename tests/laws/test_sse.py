"""Laws of the event parser: how the bytes are cut never matters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shunpike.wire import EventParser, ServerSentEvent

LINES = st.sampled_from([
    b"data: one", b"data:two", b"data:  three", b"data", b"data:", "data: žluť 🐍 日本".encode(), b": comment", b":",
    b"event: error", b"event:ping", b"id: 7", b"id: \x00", b"retry: 10", b"", b"", b"nonsense", b"data: \xff\xfe cut",
    b"\xef\xbb\xbfdata: bom", b"data: [DONE]",
])  # fmt: skip
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=25).map(lambda rows: b"".join(line + end for line, end in rows))


def parse(parts: list[bytes]) -> list[ServerSentEvent]:
    parser = EventParser(provider="acme")
    found = [event for part in parts for event in parser.feed(part)]
    return found + parser.close()


def cut(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({place % (len(data) + 1) for place in at})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


@given(data=STREAMS | st.binary(max_size=200), at=st.lists(st.integers(min_value=0), max_size=12))
def test_any_way_of_cutting_the_bytes_gives_the_same_events(data: bytes, at: list[int]) -> None:
    assert parse(cut(data, at)) == parse([data])


@given(data=STREAMS)
def test_byte_by_byte_is_no_exception(data: bytes) -> None:
    assert parse([data[place : place + 1] for place in range(len(data))]) == parse([data])


@given(data=STREAMS.filter(lambda data: b"\r" not in data))
def test_the_three_line_ends_mean_the_same(data: bytes) -> None:
    assert parse([data.replace(b"\n", b"\r\n")]) == parse([data])
    assert parse([data.replace(b"\n", b"\r")]) == parse([data])


@given(texts=st.lists(st.text(st.characters(exclude_characters="\r\n\ufeff", exclude_categories=["Cs"])), max_size=8))
def test_what_was_written_as_events_is_read_as_these_events(texts: list[str]) -> None:
    data = "".join(f"data: {text}\n\n" for text in texts).encode()
    assert [event.data for event in parse([data])] == texts


@given(data=STREAMS)
def test_an_event_is_given_out_as_soon_as_its_blank_line_is_there(data: bytes) -> None:
    whole = data + b"\n\n"
    parser = EventParser(provider="acme")
    found = parser.feed(whole)
    assert found == parse([whole])
    assert parser.close() == []
