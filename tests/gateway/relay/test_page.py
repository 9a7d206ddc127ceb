"""The page of the gateway names what clients may ask for and are told, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from shunpike_gateway.options import NAMES, PREFIX
from shunpike_gateway.print_client import CLIENTS

GATEWAY = Path(__file__).parents[3] / "plugins/gateway"
PAGE = (GATEWAY / "README.md").read_text(encoding="utf-8")


def test_it_names_every_option_of_a_request() -> None:
    section = PAGE.partition("## For one request")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(rows))) == sorted(NAMES)


def test_it_names_every_client_whose_settings_are_printed() -> None:
    listed = re.sub(r"\s+", " ", PAGE).partition("`--print-client` knows ")[2].partition(".")[0]
    assert sorted(re.findall(r"`([a-z-]+)`", listed)) == sorted(CLIENTS)


def test_the_headers_of_answers_are_those_that_it_names() -> None:
    told = (GATEWAY / "src/shunpike_gateway/provenance.py").read_text(encoding="utf-8")
    named = set(re.findall(rf"`({PREFIX}[a-z-]+)`", PAGE))
    assert named == set(re.findall(rf'"({PREFIX}[a-z-]+)"', told))
