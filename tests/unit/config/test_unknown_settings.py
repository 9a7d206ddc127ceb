"""Settings that do not exist: ignored with a warning, unless something could be thought to be bounded by them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shunpike.config import load
from shunpike.config.lines import lines_of
from shunpike.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]


def doubts_of(folder: Path, text: str = "", **environ: str) -> list[str]:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return [one.text for one in load(cwd=folder, environ={"SHUNPIKE_CONFIG": str(file), **environ}).doubts]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("foo = 1", "line 1: there is no setting 'foo'. It is ignored"),
        ('# of a newer version\n\nstratgy = "a"', "line 3: there is no setting 'stratgy'. Did you mean 'strategy'? It"),
        ("[providers.acme]\nordr = 1", "line 2: there is no setting 'providers.acme.ordr'. Did you mean 'order'?"),
        ("[providers.acme.timeouts]\nfirst = 1", "line 2: there is no setting 'providers.acme.timeouts.first'"),
        ("[providers.acme]\ntimeouts = { idel = 1 }", "line 2: there is no setting 'providers.acme.timeouts.idel'"),
        ("conect = 3", "line 1: there is no setting 'conect'. Did you mean 'connect' in [providers.NAME.timeouts]?"),
        ("pace.smoth = true", "line 1: there is no setting 'pace.smoth'. Did you mean 'smooth'?"),
        ("[dashboard]\nport = 1\nhost = 2", "line 1: there is no setting 'dashboard'"),
        ("[providers.acme]\nwarmth = 1", "line 2: there is no setting 'providers.acme.warmth'"),
    ],
)
def test_an_unknown_setting_is_ignored_and_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (found,) = doubts_of(tmp_path, text)
    assert said in found
    assert found.startswith(str(tmp_path / "config.toml"))


@pytest.mark.parametrize(
    "text",
    [
        "allowpaid = true",
        "budget = 5",
        'daily_budget = "1.00"',
        "max_price = 1",
        "spend_limit = 3",
        "limit = 3",
        "limits = []",
        "free_only = true",
        "max-tokens = 100",
        'base_url = "http://localhost/v1"',
        'stor = "memory:"',
        "disabled_plugin = []",
        "[provider.acme]\nenabled = false",
        "[providers.acme]\nenabeld = false",
        "[providers.acme]\nlimit = []",
        "[providers.acme]\nmodel = []",
        "[providers.acme]\nbaseurl = 'http://localhost/v1'",
        "[providers.acme]\nprise = 'free'",
    ],
)
def test_a_slip_in_what_keeps_something_back_is_an_error(tmp_path: Path, text: str) -> None:
    """Who wrote it believes that money, limits, or what is sent where is bounded by it."""
    with pytest.raises(ConfigError, match=r"config\.toml, line \d: there is no setting .* is not ignored") as caught:
        doubts_of(tmp_path, text)
    assert caught.value.hint


def test_a_variable_that_is_no_setting_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    found = doubts_of(tmp_path, SHUNPIKE_FOO="1", SHUNPIKE_TIMEOU="5", SHUNPIKE_PROVIDERS__ME__ORDR="3")
    assert found == [
        "SHUNPIKE_FOO: there is no setting 'foo'. It is ignored",
        "SHUNPIKE_PROVIDERS__ME__ORDR: there is no setting 'providers.me.ordr'. Did you mean 'order'? It is ignored",
        "SHUNPIKE_TIMEOU: there is no setting 'timeou'. Did you mean 'timeout'? It is ignored",
    ]


@pytest.mark.parametrize("variable", ["SHUNPIKE_ALOW_PAID", "SHUNPIKE_MAX_PRICE", "SHUNPIKE_MONTHLY_BUDGET"])
def test_a_variable_that_may_be_meant_as_a_bound_is_an_error(tmp_path: Path, variable: str) -> None:
    with pytest.raises(ConfigError, match=f"{variable}: there is no setting"):
        doubts_of(tmp_path, **{variable: "1"})


@pytest.mark.parametrize(
    "variable",
    [
        "SHUNPIKE_CONFIG",
        "SHUNPIKE_SERVICE_HOST",
        "SHUNPIKE_SERVICE_PORT_HTTP",
        "SHUNPIKE_PORT",
        "SHUNPIKE_PORT_8080_TCP_ADDR",
        "SHUNPIKE_GATEWAY_SERVICE_PORT",
    ],
)
def test_what_kubernetes_sets_for_a_service_of_our_name_is_nobodys_slip(tmp_path: Path, variable: str) -> None:
    assert doubts_of(tmp_path, **{variable: str(tmp_path / "config.toml")}) == []


def test_every_variable_that_this_repository_reads_is_known(tmp_path: Path) -> None:
    folders = [ROOT / "core/src", *sorted(ROOT.glob("plugins/*/src")), ROOT / "tests"]
    texts = [file.read_text(encoding="utf-8") for folder in folders for file in folder.rglob("*.py")]
    read = {name for text in texts for name in re.findall(r"""environ(?:\.get)?[\[(]["'](SHUNPIKE_\w+)["']""", text)}
    assert "SHUNPIKE_RECORDINGS" in read
    for name in sorted(read - {"SHUNPIKE_CONFIG"}):
        assert doubts_of(tmp_path, **{name: "memory:"}) == [], name


def test_arguments_of_python_are_the_callers_own_and_never_ignored() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'strategy'"):
        load({"stratgy": "a"}, environ={})


def test_a_line_is_found_in_tables_dotted_names_and_lists_of_tables() -> None:
    text = 'a = 1\n[providers."x.y"]\nb.c = 2\n[[budgets]]\namount = "1"\n[[budgets]]\n'
    assert lines_of(text) == {
        ("a",): 1,
        ("providers",): 2,
        ("providers", "x.y"): 2,
        ("providers", "x.y", "b"): 3,
        ("providers", "x.y", "b", "c"): 3,
        ("budgets",): 4,
        ("budgets", "amount"): 5,
    }


def test_a_variable_below_what_is_no_setting_or_no_table_says_so(tmp_path: Path) -> None:
    found = doubts_of(tmp_path, SHUNPIKE_TIMEOUTS__CONNECT="3", SHUNPIKE_PROVIDERS__ME__ORDR__X="3")
    assert [one.partition(". ")[0] for one in found] == [
        "SHUNPIKE_PROVIDERS__ME__ORDR__X: there is no setting 'providers.me.ordr'",
        "SHUNPIKE_TIMEOUTS__CONNECT: there is no setting 'timeouts'",
    ]
    with pytest.raises(ConfigError, match="SHUNPIKE_TIMEOUT__X: timeout is no table: it holds no 'x'"):
        doubts_of(tmp_path, SHUNPIKE_TIMEOUT__X="3")
    with pytest.raises(ConfigError, match="there is no setting 'budget'. Did you mean 'budgets'"):
        doubts_of(tmp_path, SHUNPIKE_BUDGET__DAY="3")
