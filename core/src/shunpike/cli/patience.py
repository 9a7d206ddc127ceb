"""What `ask` and `embed` alike may say of who answers, who waits, how long, for whom, and at what cost."""

from __future__ import annotations

from typing import Protocol

from shunpike.cli.forms import seconds
from shunpike.client import EmbedOptions, Options


class Given(Protocol):
    """The options that both commands take."""

    @property
    def provider(self) -> list[str] | None:
        """Only these."""

    @property
    def timeout(self) -> str | None:
        """A span of time, such as ``5m``."""

    @property
    def no_wait(self) -> bool:
        """Whether to fail at once where a limit is full."""

    @property
    def max_wait(self) -> str | None:
        """How long to wait for a full limit, such as ``20s``."""

    @property
    def no_paid(self) -> bool:
        """Whether to ask nothing that costs money."""

    @property
    def batch(self) -> bool:
        """Whether nobody waits for it."""

    @property
    def tag(self) -> str | None:
        """A word to book the usage under."""


def add_shared(options: Options | EmbedOptions, given: Given) -> None:
    """Put into ``options`` what was ``given``. Raises `UsageError` for a timeout that is none."""
    if given.provider:
        options["providers"] = tuple(given.provider)
    if given.timeout is not None:
        options["timeout"] = seconds(given.timeout, "--timeout")
    if given.no_wait:
        options["wait"] = False
    if given.max_wait is not None:
        options["max_wait"] = seconds(given.max_wait, "--max-wait")
    if given.no_paid:
        options["no_paid"] = True
    if given.batch:
        options["priority"] = "batch"
    if given.tag is not None:
        options["tag"] = given.tag
