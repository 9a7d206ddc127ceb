"""The commands around what providers do beside chatting: embed, models --live, catalog diff, balance."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from shunpike.catalog import load_catalog
from shunpike.errors import AuthError, ConfigError, Overloaded, ProviderError, RateLimited, StoreError
from shunpike.types import (
    Balance,
    EmbedAnswer,
    EmbedCall,
    Evidence,
    Limit,
    LiveModel,
    ModelInfo,
    PriceRow,
    Rolling,
    Unit,
    Usage,
)
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

from .conftest import Cli

ZERO = PriceRow(prompt="0", completion="0")
LIVE = (
    LiveModel(id="both", kind="chat", context=1000, price=PriceRow(prompt="2", completion="4")),
    LiveModel(
        id="vendor/new:free",
        kind="chat",
        context=2000,
        max_output=100,
        price=ZERO,
        free=True,
        features=frozenset({"tools", "json"}),
        retires_on=date(2027, 1, 1),
    ),
    LiveModel(id='odd"\n[x]', kind="embedding"),
    LiveModel(id="painter", kind="other"),
    LiveModel(id="old"),
)
HEADER = """as_of = 2026-11-22
source = "x"
[provider]
id = "acme"
title = "Acme"
base_url = "https://api.example.com"
default_tier = "free"
[tiers.free]
billing = "none"
"""


class Able(ScriptedBackend):
    """A backend with every ability."""

    live: Any = LIVE
    told: Any = ()

    async def embed(self, call: EmbedCall) -> EmbedAnswer:
        found = tuple((float(place), 0.5) for place, _ in enumerate(call.request.input))
        return EmbedAnswer(model=call.model, vectors=found, usage=Usage(prompt_tokens=4))

    async def describe_models(self) -> tuple[LiveModel, ...]:
        if isinstance(self.live, Exception):
            raise self.live
        found: tuple[LiveModel, ...] = self.live
        return found

    async def balance(self) -> tuple[Balance, ...]:
        if isinstance(self.told, Exception):
            raise self.told
        found: tuple[Balance, ...] = self.told
        return found


def entry(model_id: str, **fields: Any) -> ModelInfo:
    known = {"provider": "acme", "id": model_id, "as_of": date(2026, 11, 22), "source": "s", "limits": {"only": ()}}
    return ModelInfo.model_validate({**known, **fields})


def acme(**fields: Any) -> ScriptedProvider:
    row = PriceRow(prompt="1", completion="2")
    models = (
        entry("both", prices=(row,), context=900),
        entry("gone"),
        entry("old", status="retired"),
        entry("embed", kind="embedding", context=100),
    )
    made = ScriptedProvider("acme", models=models)
    made.backend = Able([answer()])
    for name, value in fields.items():
        setattr(made.backend, name, value)
    return made


def test_embed_writes_a_vector_a_line(cli: Cli) -> None:
    ran = cli("embed", "one", "two", "-m", "acme/embed", providers=(acme(),))
    assert (ran.code, ran.out) == (0, "[0.0, 0.5]\n[1.0, 0.5]\n")
    assert re.fullmatch(r"\nacme/embed · 2 vectors of 2 numbers · 4 tokens · \$0\.00 · \d+\.\d s\n", ran.err)


@pytest.mark.parametrize("command", ["embed one -m acme/embed", "ask one -m acme/both --no-stream"])
@pytest.mark.parametrize(
    ("more", "warned", "footer"), [((), True, True), (("-q",), True, False), (("--json",), False, False)]
)
def test_embed_speaks_as_ask_does(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str, more: tuple[str, ...], warned: bool, footer: bool
) -> None:
    """The ledger can't be written: a warning, however quiet; in JSON it stands in the object alone."""

    async def unwritten(*_: object) -> bool:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("shunpike.builtin.sqlite.SqliteStore.settle", unwritten)
        ran = cli(*command.split(), *more, providers=(acme(),))
    assert ran.code == 0, ran.err
    assert ("warning: its cost is booked once" in ran.err, "note:" in ran.err) == (warned, False)
    assert (" s\n" in ran.err or " left" in ran.err) is footer
    if more == ("--json",):
        assert ran.err == ""
        assert "the disk is full" in json.loads(ran.out)["warnings"][0]


def test_embed_takes_stdin_as_one_text(cli: Cli) -> None:
    ran = cli("embed", "-q", "-m", "embed", "-p", "acme", providers=(acme(),), stdin="a\nb\n")
    assert (ran.out, ran.err) == ("[0.0, 0.5]\n", "")


def test_embed_in_json_is_one_object(cli: Cli) -> None:
    told = json.loads(cli("embed", "one", "-m", "acme/embed", "--json", providers=(acme(),)).out)
    assert (told["vectors"], told["dimensions"], told["provider"], told["cost"]) == ([[0.0, 0.5]], 2, "acme", "0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("one",), "missing option"),
        (("-m", "acme/embed"), "there is no text to embed"),
        (("one", "-m", "auto"), "names no model"),
        (("one", "-m", "acme/both"), "is a chat model"),
        (("one", "-m", "embed", "-p", "acne"), "acne"),
        (("one", "-m", "embed", "--dimensions", "0"), '--dimensions must be at least 1, got "0"'),
        (("one", "-m", "embed", "--timeout", "soon"), "--timeout must be a span of time above 0"),
    ],
)
def test_embed_names_what_is_wrong(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    ran = cli("embed", *arguments, providers=(acme(),))
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_embed_fails_at_once_where_it_shall_not_wait(cli: Cli) -> None:
    minute = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=600))
    full = ScriptedProvider("acme", models=(entry("embed", kind="embedding", limits={"only": (minute,)}),))
    full.backend = Able([answer()])
    assert cli("embed", "one", "-m", "acme/embed", providers=(full,)).code == 0
    ran = cli("embed", "one", "-m", "acme/embed", "--no-wait", "--timeout", "1h", providers=(full,))
    assert (ran.code, ran.out) == (5, "")
    assert "1 request / 600 s   free again" in ran.err


def test_models_live_marks_where_each_is_known(cli: Cli) -> None:
    ran = cli("models", "--live", providers=(acme(),))
    rows = {line.split()[0]: " ".join(line.split()) for line in ran.out.splitlines()}
    assert rows["acme/both"] == "acme/both both 1,000 $2.00 / $4.00"
    assert "only live 2,000 free" in rows["acme/vendor/new:free"]
    assert "until 2027-01-01" in rows["acme/vendor/new:free"]
    assert "retired in the catalog" in rows["acme/old"]
    assert "only in catalog" in rows["acme/gone"]
    free = json.loads(cli("models", "--live", "--free", "--json", "-p", "acme", providers=(acme(),)).out)
    assert [(row["id"], row["where"], row["free"]) for row in free["data"]] == [("vendor/new:free", "live", True)]


def test_models_live_obeys_the_word(cli: Cli) -> None:
    """The same ones that the catalog's list takes: a part of the id, or a feature that either of the two knows."""
    for words, shown in (("new", ["acme/vendor/new:free"]), ("TOOLS acme/", ["acme/vendor/new:free"]), ("moon", [])):
        for where in ([], ["-p", "acme"]):
            ran = cli("models", "--live", *words.split(), *where, providers=(acme(),))
            assert [line.split()[0] for line in ran.out.splitlines()[1:]] == shown
    told = json.loads(cli("models", "--live", "BOTH", "--json", "-p", "acme", providers=(acme(),)).out)["data"]
    assert [row["id"] for row in told] == ["both"]


def test_a_provider_without_a_list_spoils_nothing_unless_it_was_named(cli: Cli) -> None:
    broken, well = acme(live=Overloaded("busy", provider="acme")), acme()
    well.name = "well"
    ran = cli("models", "--live", providers=(broken, well))
    assert (ran.code, "well/" in ran.out) == (0, True)
    assert "note: acme gave no list: overloaded: busy" in ran.err
    assert cli("models", "--live", "-p", "acme", providers=(broken, well)).code == 6


KEY, BUSY, SLOW = AuthError("bad", provider="x"), Overloaded("busy", provider="x"), RateLimited("slow", provider="x")


@pytest.mark.parametrize(
    ("failures", "code"), [((BUSY,), 6), ((KEY, BUSY), 6), ((BUSY, SLOW), 5), ((KEY, KEY), 4), ((SLOW, KEY), 5)]
)
def test_where_nobody_answered_the_code_is_that_of_the_trouble_that_is_soonest_over(
    cli: Cli, failures: tuple[ProviderError, ...], code: int
) -> None:
    providers = [acme(live=failure, told=failure) for failure in failures]
    for number, provider in enumerate(providers):
        provider.name = f"p{number}"
    for command, nothing in (("models --live", "gave no list"), ("balance", "told nothing")):
        ran = cli(*command.split(), providers=tuple(providers))
        assert (ran.code, ran.out) == (code, "")
        assert all(f"p{n} {nothing}: {failure.kind}: " in ran.err for n, failure in enumerate(failures)), ran.err


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Overloaded("busy", provider="acme", status=503), 6),
        (Overloaded("no way there", provider="acme", kind="connection"), 6),
        (RuntimeError("the plugin broke"), 6),
        (AuthError("bad key", provider="acme", status=401), 4),
        (ConfigError("base_url is no address"), 3),
    ],
)
def test_the_exit_code_tells_why_the_one_that_was_named_answered_nothing(
    cli: Cli, failure: Exception, code: int
) -> None:
    broken = acme(live=failure, told=failure)
    for command in ("models --live -p acme", "balance -p acme", "catalog diff acme"):
        assert cli(*command.split(), providers=(broken,)).code == code, command
        told = json.loads(cli(*command.split(), "--json", providers=(broken,)).err) if "diff" not in command else None
        assert told is None or told["error"]["exit_code"] == code


def test_catalog_diff_is_toml_that_the_catalog_takes(cli: Cli) -> None:
    ran = cli("catalog", "diff", "acme", providers=(acme(),))
    assert ran.code == 0
    assert "acme: 2 new, 2 gone, 1 with another price" in ran.err
    tables = tomllib.loads(ran.out)["models"]
    assert [table["id"] for table in tables] == ["vendor/new:free", 'odd"\n[x]']
    new, odd = load_catalog(HEADER + ran.out.replace(str(tables[0]["as_of"]), "2026-11-22"), "x").models
    assert (new.context, new.max_output, new.status, new.retired_on) == (2000, 100, "deprecated", date(2027, 1, 1))
    assert (new.prices[0].prompt, new.features) == ("0", {"tools", "json"})
    assert (odd.kind, odd.prices) == ("embedding", ())
    assert '# id = "gone"  ->  status = "retired"' in ran.out
    assert '# retired in provider.toml, still listed\n\n# id = "old"' in ran.out
    assert '# id = "both"  ->  prices = [{ prompt = "2", completion = "4" }]' in ran.out


def test_catalog_diff_in_json_is_one_object(cli: Cli) -> None:
    told = json.loads(cli("catalog", "diff", "acme", "--json", providers=(acme(),)).out)
    assert [row["id"] for row in told["new"]] == ["vendor/new:free", 'odd"\n[x]']
    assert [row["id"] for row in told["gone"]] == ["gone", "embed"]
    assert [row["id"] for row in told["repriced"]] == ["both"]


def test_catalog_diff_says_when_nothing_differs(cli: Cli) -> None:
    same = acme(live=(LiveModel(id="both"), LiveModel(id="gone"), LiveModel(id="embed")))
    ran = cli("catalog", "diff", "acme", providers=(same,))
    assert (ran.out, ran.err) == ("", "acme: the catalog and the live list agree\n")


TOLD = (
    Balance(
        name="key",
        currency="CNY",
        left=Decimal("110.00"),
        used=Decimal("6.2E-7"),
        granted=Decimal("10.00"),
        resets="monthly",
        evidence=(Evidence(unit=Unit.REQUEST, amount=50, remaining=42, resets_at=4e9, origin="GET /key"),),
    ),
)


def test_balance_shows_amounts_as_they_were_told(cli: Cli) -> None:
    ran = cli("balance", providers=(acme(told=TOLD),))
    lines = ran.out.splitlines()
    assert lines[1].split()[:8] == ["acme", "(key)", "110.00", "CNY", "0.00000062", "CNY", "-", "monthly,"]
    assert "10.00 CNY of it granted" in lines[1]
    assert lines[2].split()[:5] == ["acme", "(requests)", "42", "8", "50"]


def test_balance_in_json_keeps_currencies_and_digits(cli: Cli) -> None:
    told = json.loads(cli("balance", "--json", "-p", "acme", providers=(acme(told=TOLD),)).out)
    (row,) = told["data"][0]["balances"]
    assert (row["left"], row["currency"], row["evidence"][0]["remaining"]) == ("110.00", "CNY", 42)


def test_balance_says_who_told_nothing(cli: Cli) -> None:
    broken = acme(told=Overloaded("busy", provider="acme"))
    assert "acme told nothing: overloaded: busy" in cli("balance", providers=(broken,)).err
    assert cli("balance", "-p", "acme", providers=(broken,)).code != 0
    assert "no provider that is ready" in cli("balance", providers=(ScriptedProvider("other"),)).err
