"""`Client`: one OpenAI-shaped interface over every provider that is set up."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from types import TracebackType
from typing import Self, Unpack

from shunpike.client.accounts import NO_KEY
from shunpike.client.house import House
from shunpike.client.options import Options, Prompt, build_request
from shunpike.client.status import ProviderStatus, provider_status
from shunpike.client.stream import Stream
from shunpike.clock import Clock, SystemClock
from shunpike.config import KeyStore, load
from shunpike.errors import NoCredential, UnknownProvider, UsageError
from shunpike.ledger import Ledger
from shunpike.plugins import Host
from shunpike.protocols import Store, Strategy, Target, View
from shunpike.routing.attempt import Attempts
from shunpike.routing.journey import Journey, too_large
from shunpike.routing.plan import Plan, Rules, make_plan
from shunpike.routing.route import Route, Try
from shunpike.routing.streaming import StreamRun
from shunpike.tokens import prompt_bound, prompt_tokens
from shunpike.types import (
    ZERO,
    Answer,
    Basis,
    ChatRequest,
    Completion,
    EventName,
    ModelInfo,
    Remaining,
    Settings,
    UsageRow,
)


class Client:
    """Answers from many providers. Use it as ``async with Client() as client``; it works on asyncio and trio.

    Without ``settings`` the configuration files and the environment are read. Raises `ConfigError`.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        host: Host | None = None,
        clock: Clock | None = None,
        store: Store | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        self.settings = load(environ=environ).settings if settings is None else settings
        self.host = Host.load(self.settings.disabled_plugins) if host is None else host
        self.clock = SystemClock() if clock is None else clock
        self._house = House(self.settings, self.host, self.clock, store, environ, KeyStore())
        self._attempts = Attempts(self._house.services)
        self._strategies: dict[str, Strategy] = {}
        self._running: list[StreamRun] = []

    async def __aenter__(self) -> Self:
        """Return the client itself; nothing is opened before it is needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close streams that were left open, connections and the ledger; calling it again does nothing."""
        running, self._running = self._running, []
        try:
            for run in running:
                await run.aclose()
        finally:
            await self._house.aclose()

    async def complete(self, prompt: Prompt, /, **options: Unpack[Options]) -> Completion:
        """Return an answer to ``prompt`` (a text, messages, or a `ChatRequest`), with its provenance and cost.

        Raises `UsageError`, `UnknownModel`, `UnknownProvider`, `NoCredential`, `RequestError` where no provider can
        help, and `Exhausted` with every candidate and what blocks it.
        """
        route = await self._route(prompt, options)
        answer, attempt, journey = await self._attempts.complete(route)
        return self._completion(answer, attempt, journey)

    def stream(self, prompt: Prompt, /, **options: Unpack[Options]) -> Stream:
        """Return the answer as a `Stream` of pieces. It raises what `complete` raises, when it is entered.

        Until the first content a failing provider is replaced without a trace; after it, a stream that breaks off
        raises `Interrupted`.
        """

        async def begin() -> StreamRun:
            run = StreamRun(self._attempts, self._house.services, await self._route(prompt, options))
            await run.open()
            self._running = [one for one in self._running if one.is_open] + [run]
            return run

        return Stream(begin, self._completion)

    async def _route(self, prompt: Prompt, options: Options) -> Route:
        request = build_request(prompt, options)
        size = prompt_tokens(request)
        plan = await self._plan(request, options, size)
        settings = self.settings
        request_id = f"req_{secrets.token_hex(10)}"
        self._house.tell(EventName.REQUEST_STARTED, request_id=request_id, model=request.model)
        return Route(
            request=request,
            request_id=request_id,
            plan=plan,
            prompt_tokens=size,
            prompt_bound=prompt_bound(request),
            default_max_output=settings.default_max_output,
            max_attempts=settings.max_attempts,
            expires=self.clock.monotonic() + _positive(options.get("deadline", settings.deadline), "deadline"),
            strict=options.get("strict", False),
            tag=options.get("tag"),
        )

    async def _plan(self, request: ChatRequest, options: Options, size: int) -> Plan:
        providers = options.get("providers")
        closed = await self._house.closed_until()
        view = View(
            now=self.clock.now(),
            prompt_tokens=size,
            max_output=request.output_cap or self.settings.default_max_output,
            options=dict(self.settings.strategy_options),
            closed_until=closed,
        )
        rules = Rules(providers=None if providers is None else tuple(providers), allow_paid=self.settings.allow_paid)
        strategy = self._strategy(options.get("strategy") or self.settings.strategy)
        plan = make_plan(request, self._house.roster, rules, strategy, view)
        if not plan.targets:
            self._nothing_to_ask(plan, request, size)
        return plan

    def _nothing_to_ask(self, plan: Plan, request: ChatRequest, size: int) -> None:
        error = too_large(plan, size)
        if error is not None:
            raise error
        if all(one.reason.startswith(NO_KEY) for one in plan.dropped):
            lacking = ", ".join(f"{one.provider} ({one.reason})" for one in plan.dropped)
            raise NoCredential(
                f"no provider has a key: {lacking}" if lacking else "no provider is installed",
                hint="add a free one: shunpike keys set NAME   ·   or try without a key: pip install shunpike-sandbox",
            )
        raise Journey(request.model, plan).exhausted("")

    def _strategy(self, name: str) -> Strategy:
        if name not in self._strategies:
            found = self.host.strategy(name, self.settings.strategy_options)
            if found is None:
                raise UsageError(
                    f'no installed plugin has a strategy called "{name}"', hint='the default is "priority"'
                )
            self._strategies[name] = found
        return self._strategies[name]

    def _completion(self, answer: Answer, attempt: Try, journey: Journey) -> Completion:
        target, booked = attempt.target, attempt.settlement
        if booked is None:
            raise RuntimeError(f"attempt {attempt.ask.attempt_id} answered but was not settled")
        price = self._house.prices.served(target.model, answer.model, answer.usage.prompt_tokens)
        seconds = self.clock.monotonic() - attempt.started
        completion = Completion(
            request_id=attempt.ask.request_id,
            provider=target.name,
            model=answer.model,
            requested_model=journey.requested_model,
            choices=answer.choices,
            usage=booked.usage,
            cost=booked.cost if target.paid else ZERO,
            cost_exact=answer.usage.basis is Basis.MEASURED,
            list_price=None if price is None else price.of(booked.usage),
            decision=journey.decision(),
            warnings=answer.warnings,
            created=int(attempt.started_at),
            seconds=seconds,
            simulated=target.provider.simulated,
        )
        self._house.tell(EventName.REQUEST_FINISHED, request_id=completion.request_id, provider=target.name)
        return completion

    async def status(self) -> tuple[ProviderStatus, ...]:
        """Return every installed or configured provider and the state it is in."""
        versions = {loaded.name: loaded.version for loaded in self.host.loaded}
        rows = []
        for account in self._house.accounts.values():
            own = [target for target in self._house.roster.targets if target.name == account.name]
            limits = [await self._house.remaining(target) for target in own]
            rows.append(
                provider_status(
                    account,
                    version=versions.get(self.host.owner(account.info.id), "?"),
                    models=sum(model.status != "retired" for model in self.host.models(account.info.id)),
                    remaining=tuple(one for group in limits for one in group),
                    standby=account.info.simulated and self._house.roster.real,
                )
            )
        return tuple(rows)

    def models(self) -> tuple[ModelInfo, ...]:
        """Return every known model of every installed provider, the retired ones included."""
        return self._house.roster.catalog

    async def limits(self) -> tuple[tuple[Target, Remaining], ...]:
        """Return every limit in force with what is left of it, each shared bucket once."""
        seen: set[str] = set()
        rows = []
        for target in self._house.roster.targets:
            for one in await self._house.remaining(target):
                if one.bucket not in seen:
                    seen.add(one.bucket)
                    rows.append((target, one))
        return tuple(rows)

    async def usage(self, since: float, until: float) -> tuple[UsageRow, ...]:
        """Return totals by provider and model of the attempts begun in ``[since, until)``, epoch seconds."""
        return tuple(await self._house.store.usage(since, until))

    @property
    def ledger(self) -> Ledger:
        """The books of this client, for looking and for settling by hand."""
        return self._house.ledger

    async def check_store(self) -> str:
        """Return a few words on the ledger's size and integrity. Raises `StoreError`."""
        return await self._house.store.check()

    async def probe(self, name: str) -> str:
        """Ask ``name`` whether it can be reached, at no cost. Raises `UsageError`, `NoCredential`, `ProviderError`."""
        account = self._house.accounts.get(name)
        if account is None:
            raise UnknownProvider(f'there is no provider called "{name}"', hint="see: shunpike providers")
        if account.problem == NO_KEY:
            raise NoCredential(f"{name} has no key", hint=f"shunpike keys set {name}")
        probe = self.host.health(account.info.id, account.settings)
        if probe is None:
            raise UsageError(f"{name} can't be checked for free", hint=f'ask it something: shunpike -p {name} "hi"')
        try:
            return await probe.check()
        finally:
            await probe.aclose()

    def reload_accounts(self) -> None:
        """Look again at keys and plugins, as after `keys set`."""
        self._house.reload()


def _positive(seconds: float, name: str) -> float:
    if not seconds > 0:
        raise UsageError(f"{name} must be a number of seconds above 0, got {seconds!r}")
    return seconds
