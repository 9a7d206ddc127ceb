"""Words of strangers are passed on without keys."""

from __future__ import annotations

import os
from collections.abc import ItemsView

import pytest
from typing_extensions import override

from shunpike.masking import masked, scrub


def test_a_message_is_one_short_line_without_anything_like_a_key() -> None:
    text = scrub("a\n\n b  sk-proj-AbC123456789xyz gsk_0123456789abc AIzaSyA0123456789 Bearer xyz")
    assert text == "a b *** *** *** ***"
    assert len(scrub("word " * 1000)) == 500
    assert scrub("my secret here", "secret") == "my *** here"


def test_a_key_is_masked_as_soon_as_the_environment_holds_it_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of the environment is kept from one text to the next, as long as it is the same."""
    assert masked("it said wordofmine-1") == "it said wordofmine-1"
    monkeypatch.setenv("ACME_API_KEY", "wordofmine-1")
    assert masked("it said wordofmine-1") == "it said ***"
    monkeypatch.setenv("ACME_API_KEY", "wordofmine-2")
    assert masked("wordofmine-1 wordofmine-2") == "wordofmine-1 ***"
    monkeypatch.delenv("ACME_API_KEY")
    assert masked("wordofmine-2") == "wordofmine-2"


def test_where_the_environment_can_not_be_compared_it_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"ACME_TOKEN": "wordofmine-3"})
    assert masked("wordofmine-3") == "***"
    os.environ["ACME_TOKEN"] = "wordofmine-4"
    assert masked("wordofmine-3 wordofmine-4") == "wordofmine-3 ***"


def test_a_thread_that_masks_while_another_reads_a_new_environment_knows_its_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second thread comes while the first has only begun to read."""
    said: list[str] = []

    class Environment(dict[str, str]):
        @property
        def _data(self) -> dict[str, str]:
            return dict(self)

        @override
        def items(self) -> ItemsView[str, str]:
            if not said:
                said.append("")
                said.append(masked("wordofmine-5"))
            return super().items()

    monkeypatch.setattr(os, "environ", Environment(ACME_TOKEN="wordofmine-5"))
    assert [masked("wordofmine-5"), said[1]] == ["***", "***"]
