"""``-a``: what becomes of files, and what is refused."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from shunpike.cli import attachments
from shunpike.cli.attachments import attachment
from shunpike.errors import UsageError
from shunpike.types import ImagePart, TextPart
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli

IMAGES = {
    "image/png": b"\x89PNG\r\n\x1a\n\0rest",
    "image/jpeg": b"\xff\xd8\xff\xe0rest",
    "image/gif": b"GIF89a\0rest",
    "image/webp": b"RIFF\x10\0\0\0WEBPrest",
}


@pytest.mark.parametrize("kind", sorted(IMAGES))
def test_an_image_is_known_by_its_content_whatever_its_name(cli: Cli, tmp_path: Path, kind: str) -> None:
    acme = ScriptedProvider("acme", answer("a cat"))
    (tmp_path / "picture.txt").write_bytes(IMAGES[kind])
    ran = cli("ask", "-a", "picture.txt", "What is it?", providers=(acme,))
    assert (ran.code, ran.out) == (0, "a cat\n")
    image, text = acme.backend.calls[0].request.messages[0].content or ()
    assert isinstance(image, ImagePart)
    assert image.image_url.url == f"data:{kind};base64,{base64.b64encode(IMAGES[kind]).decode()}"
    assert isinstance(text, TextPart)
    assert text.text == "What is it?"


def test_texts_go_before_the_question_under_their_names(cli: Cli, tmp_path: Path) -> None:
    acme = ScriptedProvider("acme", answer("fine"))
    (tmp_path / "a.py").write_bytes("\ufeffprint('ä')\n".encode())
    (tmp_path / "b").write_text("two")
    assert cli("-a", "a.py", "--attach", str(tmp_path / "b"), "Well?", providers=(acme,)).code == 0
    said = acme.backend.calls[0].request.messages[0].content
    assert said == "--- a.py ---\nprint('ä')\n--- end of a.py ---\n\n--- b ---\ntwo\n--- end of b ---\n\nWell?"


def test_a_file_alone_may_be_the_question(cli: Cli, tmp_path: Path) -> None:
    acme = ScriptedProvider("acme", answer("fine"))
    (tmp_path / "q").write_text("What is a toll?")
    assert cli("ask", "-a", "q", providers=(acme,)).code == 0


def test_what_is_piped_in_is_attached_as_a_dash(cli: Cli) -> None:
    acme = ScriptedProvider("acme", answer("fine"))
    assert cli("ask", "-a", "-", "Well?", providers=(acme,), stdin="one").code == 0
    said = acme.backend.calls[0].request.messages[0].content
    assert said == "--- stdin ---\none\n--- end of stdin ---\n\nWell?"


def test_a_talk_reads_its_messages_from_stdin_and_nothing_else(cli: Cli) -> None:
    ran = cli("chat", "-a", "-", providers=(ScriptedProvider("acme"),), stdin="one")
    assert (ran.code, ran.out) == (2, "")


def test_a_file_goes_with_the_first_message_of_a_talk(cli: Cli, tmp_path: Path) -> None:
    acme = ScriptedProvider("acme", answer("fine"), answer("good"))
    (tmp_path / "q").write_text("two")
    assert cli("chat", "-a", "q", providers=(acme,), typed="One?\nThree?\n").code == 0
    said = [one.content for one in acme.backend.calls[1].request.messages]
    assert said == ["--- q ---\ntwo\n--- end of q ---\n\nOne?", "fine", "Three?"]


WRONG = {
    "missing": "No such file",
    "folder": "it is a folder",
    "empty": "it is empty",
    "program": "neither an image (png, jpeg, gif, webp) nor a text in UTF-8",
    "latin": "neither an image",
    "long": "a text may have at most 2 MB",
    "large.png": "an image may have at most 10 MB",
    "/dev/zero": "a text may have at most 2 MB",
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_can_t_be_attached_is_named_and_nothing_is_sent(cli: Cli, tmp_path: Path, name: str) -> None:
    acme = ScriptedProvider("acme", answer("fine"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "program").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "latin").write_bytes("naïve".encode("latin-1"))
    (tmp_path / "long").write_text("x" * (attachments.LARGEST_TEXT + 1))
    (tmp_path / "large.png").write_bytes(IMAGES["image/png"] + bytes(attachments.LARGEST_IMAGE))
    ran = cli("ask", "-a", name, "Well?", providers=(acme,))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: -a {name}: ")
    assert WRONG[name] in ran.err
    assert "\nhint: " in ran.err
    assert acme.backend.calls == []


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0)
    with pytest.raises(UsageError, match="Permission denied"):
        attachment(str(tmp_path / "secret"))


def test_a_model_that_can_t_see_is_not_asked_about_an_image(cli: Cli, tmp_path: Path) -> None:
    blind, seeing = ScriptedProvider("blind", answer("no")), ScriptedProvider("seeing", answer("a cat"))
    blind.models = (blind.model("m").model_copy(update={"features": frozenset()}),)
    (tmp_path / "a.png").write_bytes(IMAGES["image/png"])
    assert cli("ask", "-a", "a.png", "What?", providers=(blind, seeing)).out == "a cat\n"
    assert blind.backend.calls == []
    ran = cli("ask", "-a", "a.png", "What?", providers=(blind,))
    assert ran.code == 2
    assert "vision" in ran.err
