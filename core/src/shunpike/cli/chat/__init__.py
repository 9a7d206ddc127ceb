"""``shunpike chat``: a conversation at a terminal, or line by line from a pipe."""

from shunpike.cli.chat.command import app

__all__ = ["app"]
