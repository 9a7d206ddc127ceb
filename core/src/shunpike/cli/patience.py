"""What `ask` and `embed` alike may say of who answers, who waits, how long, and for whom."""

from __future__ import annotations

from collections.abc import Sequence

from shunpike.cli.forms import seconds
from shunpike.client import EmbedOptions, Options


def add_shared(
    options: Options | EmbedOptions,
    *,
    provider: Sequence[str] | None,
    deadline: str | None,
    no_wait: bool,
    batch: bool,
    tag: str | None,
) -> None:
    """Put into ``options`` what was given. Raises `UsageError` for a deadline that is none."""
    if provider:
        options["providers"] = tuple(provider)
    if deadline is not None:
        options["deadline"] = seconds(deadline, "--deadline")
    if no_wait:
        options["wait"] = False
    if batch:
        options["claim"] = "batch"
    if tag is not None:
        options["tag"] = tag
