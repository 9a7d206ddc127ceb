"""What is inside the wheels: what their users need, and nothing else."""

from __future__ import annotations

import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from shunpike.catalog import load_catalog

PROVIDERS = ("deepseek", "google", "groq", "hyperbolic", "openai", "openrouter", "together")
PACKAGES = ("shunpike", *(f"shunpike-{name}" for name in (*PROVIDERS, "sandbox", "testkit")))

pytestmark = pytest.mark.slow


def _open(dist: Path, package: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(dist.glob(f"{package.replace('-', '_')}-*.whl")))


def test_every_package_of_the_workspace_is_built(dist: Path) -> None:
    assert {wheel.name.split("-")[0].replace("_", "-") for wheel in dist.glob("*.whl")} >= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_is_typed_licensed_and_holds_one_package(dist: Path, package: str) -> None:
    module = package.replace("-", "_")
    with _open(dist, package) as wheel:
        names = wheel.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        headers = HeaderParser().parsestr(wheel.read(metadata).decode())
    assert f"{module}/py.typed" in names
    assert headers["License-Expression"] == "Apache-2.0"
    assert headers["Requires-Python"] == ">=3.11"
    assert {name.split("/")[0] for name in names} == {module, metadata.split("/")[0]}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_holds_no_tests_and_nothing_that_runs_at_start(dist: Path, package: str) -> None:
    with _open(dist, package) as wheel:
        names = [Path(name) for name in wheel.namelist()]
    assert not [name for name in names if name.suffix in {".pth", ".pyc"} or name.name == "sitecustomize.py"]
    tests = [name for name in names if "tests" in name.parts or name.name.startswith(("test_", "conftest"))]
    # The kit is what plugins are tested with: its suite is made to be run by others.
    assert not tests or package == "shunpike-testkit"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_brings_its_catalog_and_asks_for_the_core_alone(dist: Path, provider: str) -> None:
    with _open(dist, f"shunpike-{provider}") as wheel:
        text = wheel.read(f"shunpike_{provider}/provider.toml").decode()
        metadata = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
        needs = HeaderParser().parsestr(wheel.read(metadata).decode()).get_all("Requires-Dist", [])
        points = wheel.read(metadata.replace("METADATA", "entry_points.txt")).decode().split()
    assert load_catalog(text, "provider.toml").info.id == provider
    assert [need.split("<")[0].split(">")[0] for need in needs] == ["shunpike"]
    assert points[0] == "[shunpike]"
