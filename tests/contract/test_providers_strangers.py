"""Plugins of strangers: one that is data alone, and one with a backend and a dialect of its own."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from typing_extensions import override

from shunpike.errors import NotHere, Overloaded
from shunpike.hookspecs import hookimpl
from shunpike.types import (
    Answer,
    Billing,
    Call,
    Choice,
    Message,
    ModelInfo,
    ProviderInfo,
    ProviderSettings,
    Tier,
    Usage,
)
from shunpike.types.base import Record
from shunpike.wire import Http, OpenAICompatible, Refused, Side, classify, require_key
from shunpike_testkit.provider_contract import ProviderContract, Wire

CATALOG = """
as_of = 2026-11-22
source = "made up"
tiers.free = { billing = "none", limits = [{ unit = "request", amount = 9, per = "60s" }] }
models = [{ id = "peak-1", features = ["tools", "json"], limits = { free = [] } }]

[provider]
id = "summit"
title = "Summit"
env_key = "SUMMIT_API_KEY"
base_url = "https://api.example.com/v1"
default_tier = "free"
"""


class TestDataAlone(ProviderContract):
    plugin = OpenAICompatible.of_text(CATALOG, "summit.toml")
    is_installed = False


INFO = ProviderInfo(
    id="acme",
    title="Acme",
    env_key="ACME_API_KEY",
    base_url="https://api.example.com",
    default_tier="free",
    tiers=(Tier(name="free", billing=Billing.NONE),),
    as_of=date(2026, 11, 22),
    source="made up",
)
MODEL = ModelInfo(provider="acme", id="tiny", limits={"free": ()}, as_of=INFO.as_of, source=INFO.source)


class Reply(Record):
    text: str
    ended: str
    tokens: tuple[int, int] | None = None
    model: str


class AcmeBackend:
    def __init__(self, settings: ProviderSettings) -> None:
        self._side = Side("acme", env_key=settings.key_env or INFO.env_key, secret=require_key(INFO, settings))
        headers = {"x-acme-key": self._side.secret or ""}
        self._http = Http(settings.base_url or INFO.base_url, headers, provider="acme", transport=settings.transport)

    async def complete(self, call: Call) -> Answer:
        given = call.request.model_dump(exclude_none=True, exclude={"messages", "model", *CAPS})
        lost = tuple(f"acme does not take {name!r}: it was left out" for name in given)
        if lost and call.strict:
            raise NotHere("; ".join(lost), provider="acme", model=call.model, kind="unsupported")
        body = {"ask": [[turn.role, turn.text] for turn in call.request.messages], "most": call.max_output}
        found = await self._http.post("/answer", body, call.timeouts)
        if found.status != 200:
            raise classify(Refused(found.status, found.headers, found.body, time.time(), call.model), self._side)
        try:
            said = Reply.model_validate_json(found.body)
        except ValueError:
            raise Overloaded("acme: no answer", provider="acme", model=call.model, kind="malformed") from None
        choice = Choice(message=Message(role="assistant", content=said.text), finish_reason=said.ended)
        usage = (
            {}
            if said.tokens is None
            else {"usage": Usage(prompt_tokens=said.tokens[0], completion_tokens=said.tokens[1])}
        )
        return Answer(model=said.model, choices=(choice,), warnings=lost, **usage)

    async def aclose(self) -> None:
        await self._http.aclose()


CAPS = ("max_tokens", "max_completion_tokens")


class Acme:
    @hookimpl
    def shunpike_providers(self) -> list[ProviderInfo]:
        return [INFO]

    @hookimpl
    def shunpike_models(self, provider: str) -> list[ModelInfo] | None:
        return [MODEL] if provider == "acme" else None

    @hookimpl
    def shunpike_limits(self, provider: str, tier: str) -> list[Any] | None:
        return [] if (provider, tier) == ("acme", "free") else None

    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> AcmeBackend | None:
        return AcmeBackend(settings) if provider == "acme" else None


class AcmeWire(Wire):
    @override
    def path(self, model: str, *, streamed: bool) -> str:
        return "/answer"

    @override
    def whole(self, answer: Answer) -> Any:
        choice, usage = answer.choices[0], answer.usage
        tokens = {} if usage.basis == "absent" else {"tokens": [usage.prompt_tokens, usage.completion_tokens]}
        return {"text": choice.message.text, "ended": choice.finish_reason, "model": answer.model, **tokens}

    @override
    def refusal(self, status: int, message: str) -> Any:
        return {"why": message}

    @override
    def output_cap(self, body: Any) -> object:
        return body.get("most")


class TestOwnBackend(ProviderContract):
    plugin = Acme()
    wire = AcmeWire()
    is_installed = False
