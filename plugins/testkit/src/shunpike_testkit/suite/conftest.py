"""Makes a test class of the contract for each provider that the command line names."""

from __future__ import annotations

from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

import pytest

from shunpike.hookspecs import ENTRY_POINT_GROUP
from shunpike.plugins import Host
from shunpike_testkit.provider_contract import ProviderContract, Wire


def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> list[pytest.Class] | None:
    """Put the classes where the contract stands."""
    if obj is not ProviderContract or not isinstance(collector, pytest.Module):
        return None
    names: list[str] = collector.config.getoption("provider")
    host = Host.load()
    if not names:
        raise pytest.Collector.CollectError(f"which provider? pass --provider NAME; {_installed(host)}")
    knobs = _wire(collector.config.getoption("wire"))
    found = []
    for name in dict.fromkeys(names):
        contract = type(f"Test_{name}", (ProviderContract,), {"plugin": _plugin(host, name), "provider": name, **knobs})
        setattr(collector.obj, contract.__name__, contract)
        found.append(pytest.Class.from_parent(collector, name=contract.__name__))
    return found


def _plugin(host: Host, provider: str) -> object:
    owner = host.owner(provider)
    for point in entry_points(group=ENTRY_POINT_GROUP, name=owner):
        return point.load()
    raise pytest.Collector.CollectError(f"no installed plugin brings the provider {provider!r}; {_installed(host)}")


def _installed(host: Host) -> str:
    known = f"installed: {', '.join(info.id for info in host.providers()) or 'none'}"
    broken = [f"{one.name} ({one.reason})" for one in host.broken]
    return f"{known}; broken: {', '.join(broken)}" if broken else known


def _wire(name: str | None) -> dict[str, Any]:
    """Return the knob for ``MODULE:NAME``, a `Wire` or a class of one."""
    if name is None:
        return {}
    try:
        found = resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise pytest.Collector.CollectError(f"--wire {name}: {error}; expected MODULE:NAME") from error
    wire = found() if isinstance(found, type) else found
    if not isinstance(wire, Wire):
        raise pytest.Collector.CollectError(f"--wire {name}: expected a Wire, got {type(wire).__name__}")
    return {"wire": wire}
