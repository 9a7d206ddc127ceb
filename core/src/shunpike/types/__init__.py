"""The words: chat, answers, money, limits, providers, the ledger, decisions, settings, events. No I/O."""

from shunpike.types.account import Balance, LiveModel
from shunpike.types.answer import FINISH_REASONS, Answer, Call, Choice, Piece, Timeouts, ToolCallDelta
from shunpike.types.chat import ChatRequest, FunctionCall, ImagePart, ImageUrl, Message, OtherPart, TextPart, ToolCall
from shunpike.types.completion import Completion
from shunpike.types.decision import Attempt, Candidate, Decision, Verdict
from shunpike.types.embedding import EmbedAnswer, EmbedCall, Embedding, EmbedRequest, Vector
from shunpike.types.events import Event, EventName
from shunpike.types.ledger import Closure, Ending, Funds, Grant, Hold, Refusal, Reservation, Settlement, State, UsageRow
from shunpike.types.limits import Calendar, Confidence, Evidence, Held, Lifetime, Limit, Remaining, Rolling, Scope, Unit
from shunpike.types.money import FREE, ZERO, Money, Price
from shunpike.types.provider import Billing, ModelInfo, PriceRow, ProviderInfo, Tier
from shunpike.types.settings import Budget, ProviderSettings, Settings
from shunpike.types.usage import ABSENT, Basis, Usage

__all__ = [
    "ABSENT",
    "FINISH_REASONS",
    "FREE",
    "ZERO",
    "Answer",
    "Attempt",
    "Balance",
    "Basis",
    "Billing",
    "Budget",
    "Calendar",
    "Call",
    "Candidate",
    "ChatRequest",
    "Choice",
    "Closure",
    "Completion",
    "Confidence",
    "Decision",
    "EmbedAnswer",
    "EmbedCall",
    "EmbedRequest",
    "Embedding",
    "Ending",
    "Event",
    "EventName",
    "Evidence",
    "FunctionCall",
    "Funds",
    "Grant",
    "Held",
    "Hold",
    "ImagePart",
    "ImageUrl",
    "Lifetime",
    "Limit",
    "LiveModel",
    "Message",
    "ModelInfo",
    "Money",
    "OtherPart",
    "Piece",
    "Price",
    "PriceRow",
    "ProviderInfo",
    "ProviderSettings",
    "Refusal",
    "Remaining",
    "Reservation",
    "Rolling",
    "Scope",
    "Settings",
    "Settlement",
    "State",
    "TextPart",
    "Tier",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "Unit",
    "Usage",
    "UsageRow",
    "Vector",
    "Verdict",
]
