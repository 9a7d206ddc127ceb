"""What passes between the server and the dialects: a request as it was asked, and how its answer is written.

The server reads bodies, knows who asks, runs requests and keeps connections. A dialect (chat completions, responses,
messages, …) only translates: it does no I/O, knows no clock, and never sees a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shunpike.runtime.wishes import Wishes
from shunpike.types import ChatRequest, Chunk, Completion
from shunpike.types.principal import Principal


@dataclass(frozen=True)
class Caller:
    """Who asks: a client key, or anybody on this machine where none are set up."""

    name: str | None = None
    """The client key's name; None = no key is needed here."""
    principal: Principal | None = None
    models: tuple[str, ...] = ()
    """Patterns of the model names that it may ask for; empty = all."""
    no_paid: bool = False
    """Whether nothing that costs money may be asked for it."""

    @property
    def owner(self) -> str:
        """Under which name something is kept for it, that nobody else has; empty where no key is needed."""
        return "" if self.principal is None else self.principal.id


@dataclass(frozen=True)
class Head:
    """What came before the body."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case name → value."""
    peer: str = ""
    """The address that it came from."""
    caller: Caller = Caller()


@dataclass(frozen=True)
class ApiRequest:
    """A request in the words of the core, with what its dialect must remember to write the answer."""

    request: ChatRequest
    wishes: Wishes
    stream: bool = False
    dropped: tuple[str, ...] = ()
    """What of the body nobody here knows, in a sentence each: told as warnings, never a refusal."""
    provenance: bool = False
    """Whether the end of a streamed answer tells where it came from: see `provenance.told_of`."""
    facts: Any = None
    """The dialect's own: what the answer repeats of the body, how tool ids were mapped."""


@dataclass(frozen=True)
class ApiError:
    """Why there is no answer, before any dialect has put it into its words. Times are epoch seconds."""

    status: int
    kind: str
    """The type of OpenAI's error objects, such as ``rate_limit_error``."""
    code: str
    """What exactly, such as ``insufficient_quota`` or ``context_length_exceeded``."""
    message: str
    param: str | None = None
    hint: str | None = None
    request_id: str | None = None
    retry_at: float | None = None
    retry_after: float | None = None
    """Seconds for the header ``Retry-After``; None = there is none."""
    should_retry: bool | None = None
    """What ``x-should-retry`` says; None = nothing."""
    attempts: tuple[Mapping[str, Any], ...] = ()
    too_large: bool = False
    """Whether the prompt was too large for everybody, which agents answer by compacting it."""
    tokens: int | None = None
    """Of the prompt, where it was too large."""
    most_tokens: int | None = None
    """The largest prompt that anybody here could take, where it was too large."""


class RejectedBody(Exception):
    """A body that can't be read as a request: 400, with the field that is wrong."""

    def __init__(self, message: str, *, param: str | None = None, status: int = 400, code: str = "invalid_value"):
        super().__init__(message)
        self.message, self.param, self.status, self.code = message, param, status, code


class ApiFailure(Exception):
    """Ends a request with a problem: whoever reads, checks or runs it raises it, and the server writes it."""

    def __init__(self, problem: ApiError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.message)
        self.problem, self.headers = problem, headers or {}


class EventWriter(Protocol):
    """Writes one streamed answer, event by event; what it returns is sent as it is, and may be empty."""

    def served(self, model: str, prompt_tokens: int) -> None:
        """Note which model answers, and the prompt as it was counted; called before `opening` where that is known."""
        ...

    def opening(self) -> bytes:
        """Return what is sent first: at the first content, or sooner where the stream has to begin without any."""
        ...

    def silence(self) -> bytes:
        """Return what keeps a client waiting that has heard nothing for a while."""
        ...

    def chunk(self, chunk: Chunk) -> bytes:
        """Return what tells of ``chunk``."""
        ...

    def end(self, done: Completion) -> bytes:
        """Return what ends an answer that is whole."""
        ...

    def failure(self, problem: ApiError) -> bytes:
        """Return what ends an answer that broke off, or that never began although the stream had."""
        ...


class ApiDialect(Protocol):
    """One API's way to ask and to answer."""

    def read(self, body: Mapping[str, Any], head: Head) -> ApiRequest:
        """Return the request of a body. Raises `RejectedBody` naming the field."""
        ...

    def answer(self, asked: ApiRequest, done: Completion) -> Mapping[str, Any]:
        """Return the body of a whole answer."""
        ...

    def events(self, asked: ApiRequest, request_id: str, created: float) -> EventWriter:
        """Return the writer of a streamed answer; ``created`` is epoch seconds."""
        ...

    def error(self, problem: ApiError) -> Mapping[str, Any]:
        """Return the body of an error."""
        ...
