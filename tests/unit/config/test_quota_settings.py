"""Settings of quotas: shares, overrides, shapes, and the pace."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.config import load
from shunpike.errors import ConfigError
from shunpike.types import Budget, Calendar, Cap, Limit, Money, Pace, Rolling, Settings, Unit

from ...trusted import trusted  # noqa: TID252 - the tests are no package


def read(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    trusted(folder, text)
    monkeypatch.chdir(folder)
    return load(environ={"XDG_CONFIG_HOME": str(folder / "none")}).settings


def test_shares_and_overrides_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
pace = { smooth = true, interactive_share = "20%", curve = 2.0 }
[providers.north]
pace.smooth = false
limits = [
  {amount = "80%"},
  {amount = "50%", unit = "total_token", per = "day UTC"},
  {unit = "request", amount = 100, per = "60s", overrides = true},
  {unit = "request", amount = 50, per = "86400s", shape = "unknown", counts = "reserved"},
]
"""
    settings = read(tmp_path, text, monkeypatch)
    assert settings.pace == Pace(smooth=True, interactive_share="20%", curve=2.0)
    north = settings.providers["north"]
    every, tokens, over, day = north.limits
    assert (north.pace.over(settings.pace), every) == (
        settings.pace.model_copy(update={"smooth": False}),
        Cap(percent=80),
    )
    assert tokens == Cap(percent=50, unit=Unit.TOTAL_TOKEN, window=Calendar(period="day"))
    assert isinstance(over, Limit)
    assert isinstance(day, Limit)
    assert (over.amount, over.window, over.overrides) == (100, Rolling(seconds=60), True)
    assert (day.shape, day.counts) == ("unknown", "reserved")
    assert tokens.text == "50% of total tokens / day (UTC)"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('pace = "smooth"', 'pace = "smooth": should be a table of smooth, interactive_share, curve'),
        ("pace.curve = 0.5", "pace.curve = 0.5: should be at least 1"),
        ("pace.interactive_share = 20", 'should be a share from "0%" to "99%"'),
        ('pace.interactive_share = "100%"', 'should be a share from "0%" to "99%"'),
        ('[providers.n]\nlimits = [{amount = "0%"}]', "share"),
        ('[providers.n]\nlimits = [{amount = "80%", unit = "calls"}]', "unit 'calls'"),
        ('[providers.n]\nlimits = [{amount = "80%", per = "week"}]', "week"),
        ('[providers.n]\nlimits = [{amount = "80%", scope = "key"}]', "scope"),
        ('[providers.n]\nlimits = [{unit = "request", amount = 5, per = "60s", overrides = "yes"}]', "'overrides'"),
        ('[providers.n]\nlimits = [{unit = "request", amount = 1.5, per = "60s"}]', "key 'amount': expected a whole"),
        ('[providers.n]\nlimits = [{unit = "usd", amount = "1e30", per = "lifetime"}]', "dollars, got '1e30'"),
        ('[providers.n]\nlimits = [{unit = "request", amount = 9999999999999999999, per = "60s"}]', "expected at most"),
        ('[providers.n]\nlimits = [{unit = "request", amount = 5, per = "60s", shape = "unknown"}]', "only a day"),
    ],
)
def test_what_can_not_be_meant_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, line, monkeypatch)


@pytest.mark.parametrize("pico", [-1, 10**18 + 1])
def test_a_budget_made_in_python_is_bounded_as_well(pico: int) -> None:
    with pytest.raises(ValueError, match="from nothing to a million dollars"):
        Budget(amount=Money(pico=pico), period="day")
