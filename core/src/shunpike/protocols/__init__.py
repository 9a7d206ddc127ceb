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
    ReadStream,
    Streams,
    TellsBalance,
    Tokenizer,
)
from shunpike.protocols.mounted import MountedApp
from shunpike.protocols.store import Store
from shunpike.protocols.strategy import (
    NeedsDifficulty,
    NeedsStates,
    Ranked,
    RoutableRequest,
    Strategy,
    TargetHealth,
    TargetState,
    View,
)
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
    "MountedApp",
    "NeedsDifficulty",
    "NeedsStates",
    "Ranked",
    "ReadStream",
    "RoutableRequest",
    "Store",
    "Strategy",
    "Streams",
    "Target",
    "TargetHealth",
    "TargetState",
    "TellsBalance",
    "Tokenizer",
    "View",
    "World",
]
