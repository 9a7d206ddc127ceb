"""The table of capabilities in the README is what the code can do."""

from __future__ import annotations

from .table import HEADINGS, NO, README, YES, capability_table, written


def cells() -> dict[str, dict[str, str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in capability_table().splitlines()[2:]]
    return {row[0]: dict(zip(HEADINGS, row, strict=True)) for row in rows}


def test_the_readme_shows_the_table_as_it_is() -> None:
    """To write it anew: python tests/unit/capabilities/table.py."""
    shown = written(README.read_text(encoding="utf-8"))
    assert shown is None or shown == capability_table()


def test_all_seven_chat_stream_list_and_can_be_probed() -> None:
    rows = cells()
    assert len(rows) == 7
    assert {row[name] for row in rows.values() for name in ("chat", "stream", "live list", "health")} == {YES}


def test_the_rarer_capabilities_are_where_the_providers_have_them() -> None:
    having = {name: {who for who, row in cells().items() if row[name] == YES} for name in HEADINGS[1:]}
    assert having["embeddings"] == {"Google AI Studio", "Together AI", "OpenRouter", "OpenAI"}
    assert having["token count"] == {"Google AI Studio"}
    assert having["balance"] == {"OpenRouter", "DeepSeek"}
    assert cells()["Hyperbolic"]["embeddings"] == NO


def test_the_table_is_found_between_its_markers() -> None:
    page = f"x\n<!-- capabilities:begin -->\n{capability_table()}<!-- capabilities:end -->\ny"
    assert written(page) == capability_table()
    assert written("nothing") is None
