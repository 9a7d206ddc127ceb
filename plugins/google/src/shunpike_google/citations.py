"""What a Gemini answer cites, in the form of OpenAI's annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shunpike.wire.lenient import count, rows, string, table

SOURCES = ("web", "maps", "retrievedContext")
"""Kinds of grounding that can have an address."""

Json = dict[str, Any]


def citations(data: Mapping[str, Any], text: str) -> list[Json]:
    """Return the citations of a candidate. ``text`` is its text so far: Gemini counts bytes, OpenAI characters."""
    found = [*_grounding(table(data.get("groundingMetadata")), text), *_sources(data, text)]
    return [row for place, row in enumerate(found) if row not in found[:place]]


def _sources(data: Mapping[str, Any], text: str) -> Iterator[Json]:
    told = table(data.get("citationMetadata"))
    for row in rows(told.get("citationSources") or told.get("citations")):
        if url := string(row.get("uri")):
            yield _citation(url, string(row.get("title")), row, text)


def _grounding(data: Mapping[str, Any], text: str) -> Iterator[Json]:
    chunks = [_source(chunk) for chunk in rows(data.get("groundingChunks"))]
    used = set()
    for support in rows(data.get("groundingSupports")):
        places = support.get("groundingChunkIndices")
        for told in places if isinstance(places, list) else []:
            place = count(told)
            if place is not None and place < len(chunks) and chunks[place][0]:
                used.add(place)
                yield _citation(*chunks[place], table(support.get("segment")), text)
    for place, (url, title) in enumerate(chunks):
        if url and place not in used:
            yield _citation(url, title, {}, text)


def _source(chunk: Mapping[str, Any]) -> tuple[str, str]:
    told = next((table(chunk[name]) for name in SOURCES if name in chunk), {})
    return string(told.get("uri")), string(told.get("title"))


def _citation(url: str, title: str, segment: Mapping[str, Any], text: str) -> Json:
    cited: Json = {"url": url, "title": title}
    if (end := count(segment.get("endIndex"))) is not None:
        cited["start_index"] = _characters(text, count(segment.get("startIndex")) or 0)
        cited["end_index"] = _characters(text, end)
    return {"type": "url_citation", "url_citation": cited}


def _characters(text: str, size: int) -> int:
    return len(text.encode()[:size].decode(errors="ignore"))
