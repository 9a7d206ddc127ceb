"""From a request and what its caller wishes to what routing walks: a plan, its bounds, and a place in the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import inf
from types import MappingProxyType

from shunpike.errors import Exhausted, UnknownModel, UnknownProvider
from shunpike.patience import answered
from shunpike.protocols import Ranked, Target, View
from shunpike.routing.affinity import OFF, Candidates, shared_out
from shunpike.routing.candidates import Allowed, Demand, Found
from shunpike.routing.chain import Rung
from shunpike.routing.context import RequestContext
from shunpike.routing.conversation import ConversationTurn, conversation_of
from shunpike.routing.difficulty import Difficulty, asked_text
from shunpike.routing.meant import Meant
from shunpike.routing.plan import Plan, Targets
from shunpike.routing.ranking import RungCandidates, places_of, ranked_in_steps
from shunpike.routing.rendezvous import order
from shunpike.routing.rules import Occasion
from shunpike.routing.states import seed_of, states_of
from shunpike.runtime.counter import Counter, Tokenizers, measured
from shunpike.runtime.embedding import check_model, longest_text, text_bound, text_tokens
from shunpike.runtime.endpoints import Endpoints
from shunpike.runtime.hearing import hear
from shunpike.runtime.names import explained
from shunpike.runtime.nobody import nothing_to_ask, record_of
from shunpike.runtime.recall import Recall
from shunpike.runtime.request_ids import duplicate, new_request_id
from shunpike.runtime.snapshot import Shared, Snapshot
from shunpike.runtime.wishes import Wishes
from shunpike.types import ChatRequest, EmbedRequest, Settings


class Planner:
    """Plans requests, each on one snapshot."""

    def __init__(self, shared: Shared, endpoints: Endpoints, tokenizers: Tokenizers) -> None:
        self._shared = shared
        self._endpoints = endpoints
        self._tokenizers = tokenizers
        self.recall = Recall(shared.ledger, shared.performance, shared.clock)
        self._difficulty = Difficulty()
        self.new_id: Callable[[], str] = new_request_id
        """Names the requests that were given no id. What is to run the same again sets one with a seed."""

    def arrived(self, wishes: Wishes) -> Wishes:
        """Return ``wishes`` with a place in the line: before the first wait, so that who came first stands first."""
        return replace(wishes, waiter=self._shared.queue.arrive(wishes.priority))

    async def chat(self, snapshot: Snapshot, request: ChatRequest, wishes: Wishes) -> RequestContext:
        """Return what is walked for ``request``, which begins now. Raises what `plan` raises."""
        request = self.named(snapshot, request)
        size, bound = await measured(request)
        counted = Counter(request, size, self._tokenizers, self._shared.host)
        return await self._begin(snapshot, request, wishes, (size, bound), counted)

    def named(self, snapshot: Snapshot, request: ChatRequest) -> ChatRequest:
        """Return ``request`` with the model of the settings where it names none."""
        default = snapshot.settings.default_model
        if default == request.model or "model" in request.model_fields_set:
            return request
        return request.model_copy(update={"model": default})

    async def embedding(self, snapshot: Snapshot, request: EmbedRequest, wishes: Wishes) -> RequestContext:
        """Return what is walked for the texts of ``request``, which begins now. Raises what `plan` raises."""
        return await self._begin(snapshot, request, wishes, (text_tokens(request), text_bound(request)))

    async def _begin(
        self,
        snapshot: Snapshot,
        request: ChatRequest | EmbedRequest,
        wishes: Wishes,
        size: tuple[int, int],
        counted: Counter | None = None,
    ) -> RequestContext:
        shared, settings = self._shared, snapshot.settings
        waiter = wishes.waiter or shared.queue.arrive(wishes.priority)
        expires_mono = self.expires_mono(snapshot, wishes)
        first, request_id = 1, wishes.request_id or self.new_id()
        if wishes.known_id is not None:
            asked = shared.ledger.attempts_of(request_id)
            known = await answered(asked, shared.clock, expires_mono - shared.clock.monotonic())
            if any(one.outcome != "unsent" for one in known):
                raise duplicate(request_id, known)
            first += len(known)
        try:
            plan = await self.plan(snapshot, request, wishes, size[0], expires_mono, seed_of(request_id))
        except Exhausted as error:
            facts = {
                "prompt_tokens": size[0],
                "strict": wishes.strict,
                "priority": wishes.priority,
                "tag": wishes.tag,
                "principal": wishes.client,
                "began_at": shared.clock.now(),
            }
            decision = record_of(error, request, request_id, facts)
            if shared.keep is not None and not wishes.dry_run:
                shared.keep(decision)
            raise
        return RequestContext(
            request=request,
            request_id=request_id,
            first_attempt=first,
            user=request.user if isinstance(request, ChatRequest) else None,
            principal=wishes.principal,
            plan=plan,
            prompt_tokens=size[0],
            prompt_bound=size[1],
            min_output=settings.min_output,
            max_attempts=settings.max_attempts,
            expires_mono=expires_mono,
            attempt_share=settings.attempt_share,
            strict=wishes.strict,
            tag=wishes.tag,
            task=wishes.task or wishes.tag,
            priority=wishes.priority,
            waiter=waiter,
            waits=settings.wait if wishes.wait is None else wishes.wait,
            max_wait=inf if wishes.max_wait is None else wishes.max_wait,
            fall_over=settings.fall_over,
            on_bad_answer=wishes.on_bad_answer or settings.on_bad_answer,
            max_cost=settings.max_cost if wishes.max_cost is None else wishes.max_cost,
            hedge=settings.hedge if wishes.hedge is None else wishes.hedge,
            streamed=wishes.stream,
            counted=counted,
            reads=wishes.reads,
        )

    def expires_mono(self, snapshot: Snapshot, wishes: Wishes) -> float:
        """Return when a request that begins now ends at the latest."""
        return self._shared.clock.monotonic() + (wishes.timeout or snapshot.settings.timeout)

    async def plan(
        self,
        snapshot: Snapshot,
        request: ChatRequest | EmbedRequest,
        wishes: Wishes,
        size: int,
        expires_mono: float,
        seed: int = 0,
    ) -> Plan:
        """Return who is asked, in order, for a prompt of ``size`` tokens.

        Raises `UnknownModel`, `UnknownProvider`, `NoCredential`, `ConfigError`, and what else leaves nobody to ask.
        """
        clock, within = self._shared.clock, expires_mono - self._shared.clock.monotonic()
        meant = self._meant(snapshot, request, wishes, size)
        targets = await self._offered(snapshot, request, wishes, meant, within)
        other = snapshot.naming.instead(meant, snapshot.index_of(targets).has)
        if other is not None:
            meant, targets = other, await self._offered(snapshot, request, wishes, other, within)
        await hear(self._shared, expires_mono - clock.monotonic())
        chat = request if isinstance(request, ChatRequest) else None
        turn = self._turn(snapshot, chat, wishes)
        rungs = meant.rungs(partial(order, str(seed) if turn is None else turn.key))
        view = self._view(snapshot, request, wishes, size, seed)
        steps, found = self._steps(snapshot, request, wishes, (targets, meant, rungs), view)
        if any(one.strategy.needs_states for one in steps):
            await self.recall.refresh(expires_mono - clock.monotonic())
            view = replace(view, expected_output=self._shared.performance.lengths.expected(wishes.tag))
            states = await states_of(found.eligible, snapshot.services, request, view, wishes.tag, expires_mono)
            view = replace(view, states=states)
        if chat and any(one.strategy.needs_difficulty for one in steps):
            view = replace(view, difficulty=self._difficulty.assess(asked_text(chat), seed, counts=not wishes.dry_run))
        ranked = ranked_in_steps(steps, request, view)
        places = places_of(rungs, steps)
        beside = self._beside(ranked, view, places)
        if turn is None:
            ranked, planned = shared_out(str(seed), beside), OFF
        else:
            idle = snapshot.settings.affinity_idle
            ranked, planned = self._shared.conversations.placed(turn, beside, idle, clock.monotonic())
        strategy = ", ".join(dict.fromkeys(one.strategy.name for one in steps))
        plan = Plan(ranked, found.dropped, strategy, meant.rule, meant.alias, planned, places)
        if not plan.ranked:
            mistake = self._endpoints.mistake_in(snapshot, plan.dropped)
            raise mistake or nothing_to_ask(self._shared.host, plan, request.model, size)
        return plan

    def _turn(self, snapshot: Snapshot, chat: ChatRequest | None, wishes: Wishes) -> ConversationTurn | None:
        """Return the conversation that ``chat`` is a turn of, None where nothing is made of it."""
        if chat is None or not snapshot.settings.affinity:
            return None
        return conversation_of(chat, wishes.session, wishes.client)

    async def _offered(
        self, snapshot: Snapshot, request: ChatRequest | EmbedRequest, wishes: Wishes, meant: Meant, within: float
    ) -> Targets:
        """Return what could be asked as ``meant``."""
        return await self._endpoints.offered(snapshot, meant.chain.names, wishes.providers, request.kind, within)

    def _meant(self, snapshot: Snapshot, request: ChatRequest | EmbedRequest, wishes: Wishes, size: int) -> Meant:
        tools = isinstance(request, ChatRequest) and bool(request.tools)
        return snapshot.naming.asked(Occasion(request.model, size, tools, wishes.tag, wishes.client))

    def _view(
        self, snapshot: Snapshot, request: ChatRequest | EmbedRequest, wishes: Wishes, size: int, seed: int
    ) -> View:
        """Return what strategies see of ``request``, whatever the candidate."""
        settings = snapshot.settings
        return View(
            now=self._shared.clock.now(),
            prompt_tokens=size,
            max_output=0 if isinstance(request, EmbedRequest) else request.output_cap or settings.min_output,
            options=MappingProxyType(settings.strategy_options),
            seed=seed,
            blocked_until=self._blocked_until(snapshot),
            stream=wishes.stream,
            task=wishes.task or wishes.tag,
            min_quality=wishes.min_quality,
            expected_output=self._shared.performance.lengths.expected(wishes.tag),
        )

    def _beside(self, ranked: tuple[Ranked, ...], view: View, places: Mapping[str, int]) -> Candidates:
        """Return ``ranked`` with what affinity looks at beside."""
        blocked, now = view.blocked_until, view.now
        return Candidates(
            ranked,
            closed=lambda label: blocked.get(label, 0.0) > now,
            running=self._shared.performance.load.of,
            rung=lambda label: places.get(label, 0),
        )

    def _steps(
        self,
        snapshot: Snapshot,
        request: ChatRequest | EmbedRequest,
        wishes: Wishes,
        sought: tuple[Targets, Meant, tuple[Rung, ...]],
        view: View,
    ) -> tuple[list[RungCandidates], Found]:
        """Return the candidates of each rung with what puts them in order, and all that were found."""
        targets, meant, rungs = sought
        index = snapshot.index_of(targets)
        allowed = _allowed(snapshot.settings, wishes)
        if isinstance(request, EmbedRequest):
            demand = Demand.of_texts(longest_text(request))
        else:
            demand = Demand.of_chat(request.needs, view.prompt_tokens, view.max_output)
        try:
            if isinstance(request, EmbedRequest):
                check_model(request.model, meant.chain.names, targets)
            by_rung, found = index.find(rungs, demand, allowed, view.now)
        except (UnknownModel, UnknownProvider) as error:
            words = (*(wishes.providers or ()), *(name.partition("/")[0] for name in meant.chain.names))
            raise explained(error, words, snapshot.settings, self._shared.host) from None
        wished = wishes.strategy or meant.strategy
        return [
            self._step(snapshot, rung, wished, view, candidates)
            for rung, candidates in zip(rungs, by_rung, strict=True)
        ], found

    def _step(
        self, snapshot: Snapshot, rung: Rung, wished: str | None, view: View, candidates: tuple[Target, ...]
    ) -> RungCandidates:
        own = None if wished is not None else rung.strategy
        options = rung.options if wished is None else None
        strategy = snapshot.strategies.get(own or wished or snapshot.settings.strategy, options)
        return RungCandidates(candidates, strategy, view.options if options is None else options)

    def _blocked_until(self, snapshot: Snapshot) -> dict[str, float]:
        """Return label → moment of the targets that are closed for now, and so better tried last."""
        health = self._shared.health
        if health.is_all_well:
            return {}
        moments = ((one.label, health.closed_until(snapshot.where(one))) for one in snapshot.targets.targets)
        return {label: until for label, until in moments if until is not None}


def _allowed(settings: Settings, wishes: Wishes) -> Allowed:
    return Allowed.model_construct(
        providers=wishes.providers,
        allow_paid=settings.allow_paid,
        no_paid=bool(wishes.no_paid),
        # A call may ask for more than the settings, never for less.
        no_training=settings.no_training or bool(wishes.no_training),
        min_quality=wishes.min_quality,
    )
