"""Laws of trust: every setting is classified, and a file without trust loosens nothing, whatever it says."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shunpike.config import Loaded, load
from shunpike.config.harmless import HARMLESS
from shunpike.types import (
    FallOver,
    GatewaySettings,
    ModelAlias,
    Pace,
    ProviderSettings,
    RoutingSettings,
    Settings,
    Timeouts,
)

NEEDS_TRUST = {
    ("strategy_options",),
    ("store",),
    ("ca_file",),
    ("disabled_plugins",),
    # A name of the owner's could come to mean another model.
    ("default_model",),
    ("models", "*", "targets"),
    ("models", "*", "strategy"),
    ("models", "*", "strategy_options"),
    ("routing", "rule"),
    # What is written down of the owner's requests, and where.
    ("keep_decisions",),
    ("log",),
    ("providers", "*", "plugin"),
    ("providers", "*", "key_env"),
    ("providers", "*", "base_url"),
    ("providers", "*", "tier"),
    ("providers", "*", "price"),
    ("providers", "*", "trains_on_prompts"),
    ("providers", "*", "account"),
    ("providers", "*", "quality"),
    ("providers", "*", "headers"),
    ("providers", "*", "options"),
    ("providers", "*", "proxy"),
    ("providers", "*", "ca_file"),
}
NEEDS_TRUST |= {("on_bad_answer",), *(("fall_over", name) for name in FallOver.model_fields)}
"""They decide who is asked after a failure, and paid for."""
NEEDS_TRUST |= {("gateway", name) for name in GatewaySettings.model_fields}
"""They decide where it listens, and who is let in."""
NEVER_READ = {("providers", "*", "key")}
"""A file that holds one is refused, trusted or not."""
TABLES: dict[tuple[str, ...], type[BaseModel]] = {
    (): Settings,
    ("providers", "*"): ProviderSettings,
    ("providers", "*", "timeouts"): Timeouts,
    ("models", "*"): ModelAlias,
    ("routing",): RoutingSettings,
    ("pace",): Pace,
    ("fall_over",): FallOver,
    ("gateway",): GatewaySettings,
    ("providers", "*", "pace"): Pace,
}


def schema() -> set[tuple[str, ...]]:
    found = {
        (*table, name)
        for table, model in TABLES.items()
        for name, field in model.model_fields.items()
        if not field.exclude
    }
    return found - {("providers",), ("models",), *TABLES}


def test_somebody_has_decided_of_every_setting_whether_it_needs_trust() -> None:
    decided = NEEDS_TRUST | NEVER_READ | HARMLESS.keys() - {("providers", "*")}
    assert schema() - decided == set(), "say here that it needs trust, or in `config/harmless.py` when it does no harm"
    assert NEEDS_TRUST & HARMLESS.keys() == set()
    assert HARMLESS.keys() - schema() == {("providers", "*")}, "a rule for a setting that is no more"


AMOUNTS = st.sampled_from(["0.50", "1.00", "2.00"])
BUDGETS = st.lists(
    st.builds('{{amount = "{}", period = "{}"}}'.format, AMOUNTS, st.sampled_from(["day", "month"])),
    max_size=2,
    unique_by=lambda text: text.split("period")[1],
).map(lambda items: f"[{', '.join(items)}]")
LINES: dict[str, st.SearchStrategy[str]] = {
    "allow_paid": st.sampled_from(["true", "false"]),
    "budgets": BUDGETS,
    "max_attempts": st.integers(1, 99).map(str),
    "pace.smooth": st.sampled_from(["true", "false"]),
    "pace.interactive_share": st.sampled_from(['"0%"', '"9%"', '"20%"']),
    "pace.curve": st.sampled_from(["1.0", "2.0", "8.0"]),
    "token_estimate": st.sampled_from(['"worst_case"', '"learned"']),
    "store": st.sampled_from(['"memory:"', '"sqlite:/tmp/l.db"']),
    "disabled_plugins": st.sampled_from(["[]", '["groq"]']),
    "providers.acme.enabled": st.sampled_from(["true", "false"]),
    "providers.acme.base_url": st.sampled_from(['"https://a.test"', '"https://b.test"']),
    "providers.acme.key_env": st.sampled_from(['"A_KEY"', '"B_KEY"']),
    "providers.acme.plugin": st.sampled_from(['"groq"', '"openai"']),
    "providers.acme.price": st.sampled_from(['"list"', '"free"']),
    "providers.acme.tier": st.sampled_from(['"free"', '"paid"']),
    "providers.acme.account": st.sampled_from(['"default"', '"other"']),
    "providers.acme.models": st.sampled_from(["[]", '["a"]', '["a", "b"]']),
    "providers.acme.pace.smooth": st.sampled_from(["true", "false"]),
    "providers.acme.headers.x-a": st.sampled_from(['"1"', '"2"']),
}
FILE = st.fixed_dictionaries({}, optional=LINES).map(lambda flat: "".join(f"{key} = {flat[key]}\n" for key in flat))


def loaded(folder: str, project: str | None, user: str) -> Loaded:
    own, file = Path(folder) / "user.toml", Path(folder) / "shunpike.toml"
    own.write_text(user)
    file.unlink(missing_ok=True)
    if project is not None:
        file.write_text(project)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load(cwd=Path(folder), environ={"SHUNPIKE_CONFIG": str(own)})


def tightness(loaded: Loaded) -> dict[str, Any]:
    """What must not grow."""
    given, acme = loaded.settings, loaded.settings.providers.get("acme", ProviderSettings())
    return {
        "allow_paid": given.allow_paid,
        "budgets": sum(one.amount.pico for one in given.budgets),
        "number of budgets": len(given.budgets),
        "max_attempts": given.max_attempts,
        **paces("general", given.pace),
        **paces("acme", acme.pace.over(given.pace)),
        "token_estimate": given.token_estimate == "learned",
        "enabled": acme.enabled,
    }


def paces(name: str, pace: Pace) -> dict[str, Any]:
    return {
        f"{name} curve": pace.curve,
        f"{name} not smooth": not pace.smooth,
        f"{name} not for persons": 100 - pace.reserved,
    }


def directions(loaded: Loaded) -> tuple[Any, ...]:
    """What must stay as it is."""
    given, acme = loaded.settings, loaded.settings.providers.get("acme", ProviderSettings())
    own = (acme.base_url, acme.key_env, acme.plugin, acme.price, acme.tier, acme.account, acme.headers)
    return (given.store, given.disabled_plugins, *own)


@settings(max_examples=60, deadline=None)
@given(project=FILE, user=FILE)
def test_a_file_without_trust_redirects_nothing_and_loosens_nothing(project: str, user: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        without, beside = loaded(folder, None, user), loaded(folder, project, user)
    assert directions(beside) == directions(without)
    before, after = tightness(without), tightness(beside)
    assert all(after[name] <= before[name] for name in before), (before, after)
    mine = without.settings.providers.get("acme", ProviderSettings()).models
    theirs = beside.settings.providers.get("acme", ProviderSettings()).models
    assert not mine or set(theirs) <= set(mine)
    assert not mine or theirs
