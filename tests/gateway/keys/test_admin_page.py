"""The page on the admin API names every route that there is, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shunpike_gateway.admin import PREFIX

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[3] / "docs/admin-api.md"


async def test_the_page_names_every_route(gateway: InProcessGateway) -> None:
    routes = {f"{one.method} {one.path}" for one in gateway.surface.routes.routes if one.path.startswith(PREFIX)}
    assert set(re.findall(r"^\| `([A-Z]+ /\S+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == routes
