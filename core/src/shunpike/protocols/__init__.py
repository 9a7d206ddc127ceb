"""What plugins hand to the core: small protocols, one capability each. ``isinstance`` asks whether an object has it."""

from __future__ import annotations

from shunpike.protocols.admission import Admission, AdmissionRequest
from shunpike.protocols.backend import (
    Backend,
    CancelSafe,
    CountsTokens,
    DescribesModels,
    Embeds,
    HealthProbe,
    ListsModels,
    Streams,
    TellsBalance,
    Tokenizer,
)
from shunpike.protocols.store import Store
from shunpike.protocols.strategy import RoutableRequest, Strategy, View
from shunpike.protocols.target import Target
from shunpike.protocols.world import BookRow, Endpoint, World

__all__ = [
    "Admission",
    "AdmissionRequest",
    "Backend",
    "BookRow",
    "CancelSafe",
    "CountsTokens",
    "DescribesModels",
    "Embeds",
    "Endpoint",
    "HealthProbe",
    "ListsModels",
    "RoutableRequest",
    "Store",
    "Strategy",
    "Streams",
    "Target",
    "TellsBalance",
    "Tokenizer",
    "View",
    "World",
]
