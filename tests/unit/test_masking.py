"""Words of strangers are passed on without keys."""

from __future__ import annotations

from shunpike.masking import scrub


def test_a_message_is_one_short_line_without_anything_like_a_key() -> None:
    text = scrub("a\n\n b  sk-proj-AbC123456789xyz gsk_0123456789abc AIzaSyA0123456789 Bearer xyz")
    assert text == "a b *** *** *** ***"
    assert len(scrub("word " * 1000)) == 500
    assert scrub("my secret here", "secret") == "my *** here"
