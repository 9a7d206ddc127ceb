"""Counts a prompt for each model by the vocabulary that it has, and once by each vocabulary."""

from __future__ import annotations

from collections.abc import Callable

import anyio.to_thread

from shunpike.errors import PluginError
from shunpike.plugins import Host
from shunpike.protocols import Target, Tokenizer
from shunpike.tokens import ESTIMATE, prompt_bound, prompt_tokens, tokenizer_for
from shunpike.types import ChatRequest

LARGE = 500_000
"""Characters of a prompt from which on it is measured in a thread: a few megabytes take seconds."""


async def measured(request: ChatRequest) -> tuple[int, int]:
    """Return the estimated tokens of a prompt, and the bound of them; a large one holds up nothing else meanwhile."""
    if sum(len(message.text) for message in request.messages) < LARGE:
        return _measured(request)
    return await anyio.to_thread.run_sync(_measured, request)


def _measured(request: ChatRequest) -> tuple[int, int]:
    return prompt_tokens(request), prompt_bound(request)


class Tokenizers:
    """What counts the tokens of each model, found once: a plugin's counter, a vocabulary on disk, or the estimate."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._found: dict[str, Tokenizer] = {}

    def __call__(self, model: str) -> Tokenizer:
        """Return what counts the tokens of ``model``."""
        if model not in self._found:
            try:
                found = self._host.tokenizer(model)
            except PluginError as error:
                self._host.complain(error.plugin, "shunpike_tokenizer", error)
                found = None
            self._found[model] = found or tokenizer_for(model)
        return self._found[model]


class Counter:
    """The tokens of one prompt. ``estimated`` is what the estimate said.

    It serves where there is no vocabulary, and where a tokenizer goes wrong, of which ``host`` tells.
    """

    def __init__(
        self,
        request: ChatRequest,
        estimated: int,
        tokenizer: Callable[[str], Tokenizer],
        host: Host,
    ) -> None:
        self._request = request
        self._tokenizer = tokenizer
        self._host = host
        self._counts = {ESTIMATE.label: estimated}

    def __call__(self, target: Target) -> int:
        """Return the tokens as the vocabulary of the target's model counts them."""
        tokenizer = self._tokenizer(target.model.id)
        try:
            if tokenizer.label not in self._counts:
                self._counts[tokenizer.label] = _tokens(prompt_tokens(self._request, tokenizer))
            return self._counts[tokenizer.label]
        except Exception as error:  # noqa: BLE001 - a stranger's tokenizer may raise anything; the estimate is safe
            self._host.complain(self._host.maker(tokenizer), "count", error)
            return self._counts[ESTIMATE.label]


def _tokens(counted: object) -> int:
    """Return what a stranger's tokenizer counted. Raises `TypeError` where that is no number of tokens."""
    if isinstance(counted, int) and counted >= 0:
        return counted
    raise TypeError(f"a count of {counted!r}")
