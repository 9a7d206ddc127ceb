"""Nothing stands in a README that does not run: every block is executed, what it shows must come out.

``python tests/test_readme.py`` writes the tables of providers and strategies anew from the catalogs.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from shunpike.catalog import Catalog, load_catalog
from shunpike.cli import extra
from shunpike.cli.commands import COMMANDS, load
from shunpike.types import Billing, Calendar, Confidence, Limit, Rolling, Scope, Unit

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from pages import README, ROOT, run_blocks
    from strategy_table import strategy_table
else:
    from .pages import README, ROOT, run_blocks
    from .strategy_table import strategy_table

PAGES = (README, ROOT / "core/README.md")
ALL_PAGES = (*PAGES, *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("plugins/*/README.md")))

STRATEGIES = re.compile(r"(?<=<!-- table: strategies -->\n).*?(?=<!-- end -->)", re.DOTALL)
TABLE = re.compile(r"(?<=<!-- table: providers -->\n).*?(?=<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Section:
    """A section of a page: its blocks share a folder and are run in their order."""

    title: str
    text: str


def _sections() -> list[Section]:
    found = []
    for page in PAGES:
        parts = re.split(r"^## (.+)\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        titled = zip([f"{page.parent.name}, top", *parts[1::2]], parts[::2], strict=True)
        found += [Section(title, text) for title, text in titled if "```" in text]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("section", _sections(), ids=lambda section: section.title)
def test_every_block_runs_and_shows_what_it_says(section: Section, tmp_path: Path, emulated: dict[str, str]) -> None:
    run_blocks(section.text, tmp_path / "work", emulated)


def test_every_command_is_in_the_cheat_sheet() -> None:
    sheet = next(section.text for section in _sections() if section.title == "Command line")
    for name in COMMANDS:
        groups = getattr(load(name), "commands", {})
        for command in [f"{name} {sub}" for sub in groups] or [name]:
            assert f"$ shunpike {command}" in sheet or f"| shunpike {command}" in sheet, command


def test_no_page_speaks_of_a_command_that_does_not_exist() -> None:
    for page in ALL_PAGES:
        spoken = set(re.findall(r"`shunpike ([a-z]+)", page.read_text(encoding="utf-8")))
        assert not [name for name in spoken - COMMANDS.keys() if extra.find(name) is None], page


def test_links_to_files_lead_somewhere() -> None:
    for page in ALL_PAGES:
        links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        assert not [link for link in links if not (page.parent / link).exists()], page


def test_the_table_of_providers_is_what_their_catalogs_say() -> None:
    tables = TABLE.findall(README.read_text(encoding="utf-8"))
    assert tables == [provider_table()], "write it anew: python tests/test_readme.py"


async def test_the_table_of_strategies_is_what_they_choose() -> None:
    tables = STRATEGIES.findall(README.read_text(encoding="utf-8"))
    assert tables == [await strategy_table()], "write it anew: python tests/test_readme.py"


def provider_table() -> str:
    """Return the table of providers, free ones first in the order in which they are tried."""
    files = sorted(ROOT.glob("plugins/*/src/*/provider.toml"))
    catalogs = [load_catalog(file.read_text(encoding="utf-8"), file.parts[-4]) for file in files]
    catalogs.sort(key=lambda one: (one.info.tier(one.info.default_tier).billing is Billing.CARD, one.info.order))
    head = ("package", "provider", "free tier, as far as known", "figures", "key")
    rows = [head, ("---",) * len(head), *map(_row, catalogs)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(catalog: Catalog) -> tuple[str, ...]:
    info, daily = catalog.info, _daily(catalog)
    title = info.title + (" (probably gone)" if info.status == "unverified" else "")
    trust = [level for level in Confidence if level in {limit.confidence for limit in daily}]
    seen = min((limit.seen_on for limit in daily), default=str(info.as_of))
    figures = ", ".join([*reversed(trust), seen])
    return (f"`shunpike-{info.id}`", title, _free(catalog, daily), figures, f"[`{info.env_key}`]({info.key_url})")


def _daily(catalog: Catalog) -> list[Limit]:
    """The free requests of a day, one limit for each chat model that is offered."""
    tier = catalog.info.default_tier
    living = [one for one in catalog.models if one.kind == "chat" and one.status != "retired" and tier in one.limits]
    limits = [limit for model in living for limit in model.limits[tier] if limit.unit is Unit.REQUEST]
    return [limit for limit in limits if limit.window == Rolling(seconds=86_400) or isinstance(limit.window, Calendar)]


def _free(catalog: Catalog, daily: list[Limit]) -> str:
    tier = catalog.info.tier(catalog.info.default_tier)
    if tier.billing is Billing.CARD:
        return "none, paid only"
    if tier.billing is Billing.CREDIT:
        return f"${tier.credit_usd} of credit, once"
    low, high = min(limit.amount for limit in daily), max(limit.amount for limit in daily)
    span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    models = (
        f"its {len(daily)} free models together" if daily[0].scope is Scope.POOL else f"each of {len(daily)} models"
    )
    return f"{span} requests a day for {models}"


if __name__ == "__main__":
    _page = TABLE.sub(lambda _: provider_table(), README.read_text(encoding="utf-8"))
    _chosen = anyio.run(strategy_table)
    README.write_text(STRATEGIES.sub(lambda _: _chosen, _page), encoding="utf-8")
