"""Asking seven providers, and seldom waiting for the end: what the processes of `test_unfinished.py` do."""

from __future__ import annotations

import anyio
from pydantic import SecretStr

from shunpike.client import Client
from shunpike.types import Budget, Limit, Money, ProviderSettings, Rolling, Settings, Timeouts, Unit
from shunpike_sandbox.names import BASE_PATHS

MODELS = {
    "google": ("paid", "gemini-2.5-flash-lite"),
    "together": ("paid", "Qwen/Qwen3.5-9B"),
    "openrouter": ("funded", "openai/gpt-oss-20b"),
    "groq": ("paid", "openai/gpt-oss-20b"),
    "hyperbolic": ("paid", "meta-llama/Llama-3.3-70B-Instruct"),
    "openai": ("paid", "gpt-4o-mini"),
    "deepseek": ("paid", "deepseek-flash"),
}
WAYS = ("break", "aclose", "cancel", "timeout", "end", "whole")
PER_CLIENT = 8
"""Requests after which a process forgets which provider was in trouble: here all of them always are."""
PROMPT = "Tell me in some sentences what a ledger is good for, and who needs one."


def settings(root: str, budget: str) -> Settings:
    """Return one budget over all seven; the limits of the real providers are not what is tried."""
    wide = (Limit(unit=Unit.REQUEST, amount=10**9, window=Rolling(seconds=60.0), overrides=True),)
    sections = {
        name: ProviderSettings(
            base_url=root + BASE_PATHS[name] + ("/v1beta" if name == "google" else ""),
            key=SecretStr("sandbox-paid"),
            tier=tier,
            limits=wide,
            timeouts=Timeouts(connect=10.0, first_token=10.0, idle=0.3, total=20.0),
            options={"send_attempt_id": True},
        )
        for name, (tier, _) in MODELS.items()
    }
    one = Budget(amount=Money.usd(budget), period="lifetime")
    return Settings(allow_paid=True, budgets=(one,), providers=sections, max_attempts=1, wait=False)


async def forget_trouble(client: Client) -> None:
    """Open what processes told each other of trouble."""
    told = [bucket for bucket, one in (await client.ledger.closed()).items() if one.failures]
    await client.ledger.reopen(told, "test", "all of them always are in trouble")


async def once(client: Client, provider: str, way: str) -> None:
    """Ask one provider for a stream, and leave it in this way."""
    model = f"{provider}/{MODELS[provider][1]}"
    if way == "whole":
        await client.complete(PROMPT, model=model, max_tokens=64)
        return
    if way == "break":
        async for _ in client.stream(PROMPT, model=model, max_tokens=64):
            break
        return
    timeout = 0.2 if way == "timeout" else 20.0
    with anyio.CancelScope() as scope:
        async with client.stream(PROMPT, model=model, max_tokens=64, timeout=timeout) as opened:
            async for _ in opened:
                if way == "aclose":
                    break
                if way == "cancel":
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
