"""The way of one chat request through a provider, the same for all dialects."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from shunpike_sandbox import faults, misstated
from shunpike_sandbox.accounts import SimulatedAccount, valid
from shunpike_sandbox.asks import ParsedRequest
from shunpike_sandbox.bodies import MAX_BYTES, TooLarge, read
from shunpike_sandbox.catalog import Model, Provider
from shunpike_sandbox.dialect_errors import DialectErrors
from shunpike_sandbox.generation import GeneratedChoice, Generation, Names, generate, prompt_tokens
from shunpike_sandbox.limits import Hit, Lease, LimitReading
from shunpike_sandbox.names import OWN
from shunpike_sandbox.refusals import ErrorReply
from shunpike_sandbox.replies import Frame, PlainReply, StreamedReply, WholeReply, dump
from shunpike_sandbox.tokens import pieces
from shunpike_sandbox.troubles import refusal_of
from shunpike_sandbox.visits import Visit
from shunpike_sandbox.world import ATTEMPT_HEADER, SimulatedWorld

Reply = WholeReply | StreamedReply | PlainReply


class Service(DialectErrors):
    """One provider on the wire. Subclasses give every answer and every error its shape."""

    provider_id: str
    unspoken: frozenset[str] = frozenset()
    """Faults that this dialect has no words for; they come only when a script names them."""
    bills_in_full = False
    """Whether a stream that the client cuts is billed to its end all the same."""
    counts_cached = True
    """Whether limits count those tokens of a prompt that were cached."""
    max_bytes = MAX_BYTES
    call_id = "call_{}"

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world

    @property
    def provider(self) -> Provider:
        """What the catalog says of this provider."""
        return self.world.catalog.providers[self.provider_id]

    def listed(self) -> list[Model]:
        """Return the models that are offered now."""
        return self.provider.listed(self.world.clock.now())

    async def serve(self, request: Request, *, operation: str = "chat") -> Response:
        """Answer one request that counts in the books."""
        key = self.key(request)
        visit = self.world.arrive(self.provider_id, key, request.headers.get(ATTEMPT_HEADER))
        visit.bills_in_full, visit.counts_cached = self.bills_in_full, self.counts_cached
        try:
            raw = await read(request, self.max_bytes)
            visit.account = self.admit_key(key)
            reply = self.operate(operation, visit, request, raw)
        except TooLarge:
            reply = self._refuse(visit, self.too_large())
        except ErrorReply as refusal:
            reply = self._refuse(visit, refusal)
        except BaseException:
            # The client went away while it was still sending.
            visit.cancel()
            raise
        return reply  # type: ignore[return-value]  # Starlette calls any ASGI application that it is given

    async def listing(self, request: Request) -> Response:
        """Answer a request that costs nothing and is in no book."""
        try:
            reply = self.inform(request)
        except ErrorReply as refusal:
            reply = self.plain(refusal)
        return reply  # type: ignore[return-value]

    def admit_key(self, key: str | None) -> SimulatedAccount:
        """Return the account of a key, or refuse it."""
        known = key is not None and (valid(key) or self.provider_id == OWN)
        if key is None or not known or self.world.is_revoked(self.provider_id, key):
            raise self.bad_key(key)
        return self.world.account(self.provider_id, key)

    def plain(self, refusal: ErrorReply) -> PlainReply:
        """Give a refusal its bytes."""
        body = refusal.body
        raw = body if isinstance(body, bytes) else dump(body, indent=refusal.indent)
        headers = dict(refusal.headers)
        if refusal.content_type is not None:
            headers["content-type"] = refusal.content_type
        return PlainReply(refusal.status, raw, headers)

    def answer(self, visit: Visit, ask: ParsedRequest, model: Model) -> Reply:
        """Answer an ask that is well formed: room, money, limits, trouble, words. Nothing here awaits."""
        account = visit.account
        if account is None:
            raise RuntimeError("a visit is answered only after its key was admitted")
        served = self.provider.served(model, visit.at)
        visit.model, visit.asked_model = served, model.id
        prompt = prompt_tokens(ask)
        room = self.room(prompt, ask, served)
        self.afford(account, served, prompt, min(room, ask.max_tokens or room))
        visit.lease = self.take(visit, served, self.needs(prompt, ask))
        fault = self.world.fault(self.provider_id, streaming=ask.stream, unspoken=self.unspoken)
        self.trouble(fault, visit)
        names = Names(visit.token[:16], self.call_id)
        own = self.provider_id == OWN
        cached = self.cached(account, served, ask, prompt)
        visit.generation = generate(ask, names, room=room, cached=cached, own=own)
        headers = self.headers(visit)
        if fault == faults.MISLABELLED:
            headers = {**headers, "content-type": "application/json"}
        if fault == faults.BILLED_REFUSAL:
            refusal = self.internal(visit)
            body = misstated.refused(self.plain(refusal).body, self.unary(visit, ask, visit.generation))
            return WholeReply(self.world, visit, headers, fault, body, refusal.status)
        if ask.stream:
            error = list(self.error_frames(visit))
            frames = misstated.streamed(fault, self.frames(visit, ask, visit.generation), error, prompt)
            return StreamedReply(
                self.world, visit, headers, faults.CUT if fault == faults.RUNNING else fault, frames, error
            )
        body = misstated.whole(fault, self.unary(visit, ask, visit.generation))
        return WholeReply(self.world, visit, headers, fault, body)

    def take(self, visit: Visit, model: Model, needs: Mapping[str, int]) -> Lease:
        """Take what the request needs from every limit, or refuse it."""
        account = visit.account
        if account is None:
            raise RuntimeError("a visit takes from limits only after its key was admitted")
        outcome = account.gate.admit(model.quotas[account.tier], needs, self.world.clock.now())
        if isinstance(outcome, Lease):
            return outcome
        refusal = self.limited(visit, model, outcome)
        # What can never fit is refused with other words by some, and is no overage.
        refusal.overage = refusal.status == 429
        raise refusal

    def room(self, prompt: int, ask: ParsedRequest, model: Model) -> int:
        """Return how many tokens the answer may have, or refuse a prompt that leaves none."""
        wanted = ask.max_tokens or 0
        if prompt >= model.context or prompt + (wanted if self.counts_answer_in_context else 0) > model.context:
            raise self.overflow(prompt, wanted, model)
        return min(model.max_output or model.context, model.context - prompt)

    counts_answer_in_context = False

    def needs(self, prompt: int, ask: ParsedRequest) -> dict[str, int]:
        """Return what a request takes from the limits on arrival."""
        reserve = (ask.max_tokens or 0) * ask.n
        return {"requests": 1, "input_tokens": prompt, "total_tokens": prompt + reserve, "concurrent": 1}

    def cached(self, account: SimulatedAccount, model: Model, ask: ParsedRequest, prompt: int) -> int:  # noqa: ARG002
        """Return how many prompt tokens come from the provider's cache."""
        return 0

    def afford(self, account: SimulatedAccount, model: Model, prompt: int, output: int) -> None:
        """Refuse an account without money, where money is needed."""
        if account.funds is not None and account.funds <= 0 and self._priced(model):
            raise self.broke(account, model, prompt, output)

    def headers(self, visit: Visit) -> dict[str, str]:  # noqa: ARG002
        """Return the headers of a success."""
        return {}

    def limits_now(self, visit: Visit) -> dict[str, LimitReading]:
        """Return where each limit of the model stands by the name of its rule, for headers."""
        account, model = visit.account, visit.model
        if account is None or model is None:
            return {}
        return account.gate.readings(model.quotas[account.tier], self.world.clock.now())

    @staticmethod
    def chunks(choice: GeneratedChoice, size: int) -> list[tuple[str, str, int]]:
        """Cut an answer's text into (kind, text, tokens): thoughts first."""
        return [*_chunked("thought", choice.thoughts, size), *_chunked("text", choice.text, size)]

    def _priced(self, model: Model) -> bool:
        return any(price.rates.prompt or price.rates.completion for price in model.prices)

    def _refuse(self, visit: Visit, refusal: ErrorReply) -> PlainReply:
        visit.refuse(refusal.status, overage=refusal.overage)
        return self.plain(refusal)

    def trouble(self, fault: str | None, visit: Visit) -> None:
        """Refuse the request if the fault that was drawn says so."""
        refusal = refusal_of(fault, self, visit, self.world.faults.seconds)
        if refusal is not None:
            raise refusal

    @abstractmethod
    def key(self, request: Request) -> str | None:
        """Return the key that a request brings."""

    @abstractmethod
    def operate(self, operation: str, visit: Visit, request: Request, raw: bytes) -> Reply:
        """Read the body in this dialect and answer it."""

    @abstractmethod
    def inform(self, request: Request) -> PlainReply:
        """Answer a request for a list or an account's state."""

    @abstractmethod
    def unary(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> bytes:
        """Return the body of a whole answer."""

    @abstractmethod
    def frames(self, visit: Visit, ask: ParsedRequest, generation: Generation) -> Iterable[Frame]:
        """Return the pieces of a streamed answer."""

    @abstractmethod
    def error_frames(self, visit: Visit) -> Iterable[Frame]:
        """Return how this provider fails inside a 200 stream."""


def _chunked(kind: str, text: str, size: int) -> list[tuple[str, str, int]]:
    found = pieces(text)
    groups = [found[start : start + size] for start in range(0, len(found), size)]
    return [(kind, "".join(group), len(group)) for group in groups]


def any_header(request: Request, names: Iterable[str]) -> str | None:
    """Return the first of these headers that is present."""
    return next((request.headers[name] for name in names if name in request.headers), None)


def bearer(request: Request) -> str | None:
    """Return the bearer token of a request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def strictest(hits: Sequence[Hit]) -> Hit:
    """Return the limit that stays closed longest."""
    return max(hits, key=lambda hit: (hit.hopeless, hit.retry_after))


def plain_json(value: Any) -> PlainReply:
    """Return a successful list or state."""
    return PlainReply(200, dump(value))
