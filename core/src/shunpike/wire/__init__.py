"""Tools for authors of HTTP providers. These names keep their meaning within a major version."""

from shunpike.assembly import Assembly, chunks_of
from shunpike.masking import scrub
from shunpike.not_sent import before_sending
from shunpike.wire.account import BalanceBackend
from shunpike.wire.address import check_base_url
from shunpike.wire.answer import read_answer
from shunpike.wire.chat import ChatBackend
from shunpike.wire.chunks import StreamProgress
from shunpike.wire.compatible import OpenAICompatible, require_key
from shunpike.wire.dialect import Dialect, RateHeaders, Sentence, read_dialect
from shunpike.wire.embeddings import EmbeddingBackend
from shunpike.wire.error_body import Said, read_error
from shunpike.wire.failure_kinds import KINDS
from shunpike.wire.failures import Refused, Side, classify
from shunpike.wire.flow import Flow
from shunpike.wire.http import Http, Reply
from shunpike.wire.network import Network
from shunpike.wire.probe import ModelsProbe
from shunpike.wire.ratelimits import header_evidence, parse_duration, parse_moment, retry_moment, retry_told
from shunpike.wire.reader import AnswerReader
from shunpike.wire.sse import EventParser, ServerSentEvent
from shunpike.wire.stream import ChunkStream
from shunpike.wire.unreadable import no_answer

__all__ = [
    "KINDS",
    "AnswerReader",
    "Assembly",
    "BalanceBackend",
    "ChatBackend",
    "ChunkStream",
    "Dialect",
    "EmbeddingBackend",
    "EventParser",
    "Flow",
    "Http",
    "ModelsProbe",
    "Network",
    "OpenAICompatible",
    "RateHeaders",
    "Refused",
    "Reply",
    "Said",
    "Sentence",
    "ServerSentEvent",
    "Side",
    "StreamProgress",
    "before_sending",
    "check_base_url",
    "chunks_of",
    "classify",
    "header_evidence",
    "no_answer",
    "parse_duration",
    "parse_moment",
    "read_answer",
    "read_dialect",
    "read_error",
    "require_key",
    "retry_moment",
    "retry_told",
    "scrub",
]
