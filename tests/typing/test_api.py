"""The public interface as a type checker sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_code_of_a_user_passes_a_strict_type_checker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    file = Path(__file__).with_name("api.py")
    report, trouble, status = api.run(["--strict", str(file)])
    assert (status, trouble) == (0, ""), report
