"""What `ask` and `embed` alike may say of who waits, how long, and for whom."""

from __future__ import annotations

from typing import Protocol

from shunpike.cli.forms import seconds
from shunpike.client import EmbedOptions, Options


class Given(Protocol):
    """The options that both commands take."""

    @property
    def provider(self) -> list[str] | None: ...  # noqa: D102
    @property
    def deadline(self) -> str | None: ...  # noqa: D102
    @property
    def no_wait(self) -> bool: ...  # noqa: D102
    @property
    def batch(self) -> bool: ...  # noqa: D102
    @property
    def tag(self) -> str | None: ...  # noqa: D102


def add_shared(options: Options | EmbedOptions, given: Given) -> None:
    """Put into ``options`` what was ``given``. Raises `UsageError` for a deadline that is none."""
    if given.provider:
        options["providers"] = tuple(given.provider)
    if given.deadline is not None:
        options["deadline"] = seconds(given.deadline, "--deadline")
    if given.no_wait:
        options["wait"] = False
    if given.batch:
        options["claim"] = "batch"
    if given.tag is not None:
        options["tag"] = given.tag
