"""Counts a prompt for each model by the vocabulary that it has, and once by each vocabulary."""

from __future__ import annotations

from collections.abc import Callable

from shunpike.protocols import Target, Tokenizer
from shunpike.tokens import ESTIMATE, prompt_tokens
from shunpike.types import ChatRequest


class Counter:
    """The tokens of one prompt. ``estimated`` is what the estimate said, which serves where there is no vocabulary."""

    def __init__(self, request: ChatRequest, estimated: int, tokenizer: Callable[[str], Tokenizer]) -> None:
        self._request = request
        self._tokenizer = tokenizer
        self._counts = {ESTIMATE.label: estimated}

    def __call__(self, target: Target) -> int:
        """Return the tokens as the vocabulary of the target's model counts them."""
        tokenizer = self._tokenizer(target.model.id)
        if tokenizer.label not in self._counts:
            self._counts[tokenizer.label] = prompt_tokens(self._request, tokenizer)
        return self._counts[tokenizer.label]
