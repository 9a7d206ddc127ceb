"""What the laws for a provider stand on: the knobs, the backend at its scripted upstream, and how it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache, cached_property
from typing import Any, ClassVar

import anyio
import pluggy
import pytest
from pydantic import SecretStr

from shunpike import hookspecs
from shunpike.errors import ProviderError
from shunpike.protocols import Backend, ListsModels, Streams
from shunpike.types import Answer, Call, ModelInfo, ProviderInfo, ProviderSettings
from shunpike_testkit import upstream as scripted
from shunpike_testkit.contract import WAYS, Contract
from shunpike_testkit.provider_contract.bench import TEXTS, TIMES, Bench, answer
from shunpike_testkit.provider_contract.wires import ChatCompletions, Wire
from shunpike_testkit.upstream import Script, Stall, Upstream

PATIENCE = 30.0
"""Seconds after which a test is taken to hang."""
Denial = tuple[int, Any, type[ProviderError]]


class ProviderBasis(Contract):
    """The knobs of the provider contract, and what its laws share."""

    knobs: ClassVar[tuple[str, ...]] = (
        "documented_refusals",
        "key",
        "model",
        "plugin",
        "provider",
        "settings",
        "supports_model_list",
        "supports_served_model",
        "supports_streaming",
        "supports_tools",
        "supports_usage",
        "wire",
    )

    plugin: Any = None
    """The plugin, as its entry point names it."""
    provider: str = ""
    """The id of the provider that is tested; may be left out where the plugin brings one only."""
    wire: Wire = ChatCompletions()
    """How the provider's API talks."""
    key: str = "Conformance.Zq7Xw2Lr9Tn4.Key"
    """A key that the backend takes; it looks like nobody's, so that no pattern removes it from a message."""
    documented_refusals: ClassVar[Mapping[str, Denial]] = {}
    """What happened → status, body and error class of refusals that the provider documents."""
    supports_usage: bool = True
    """False for a provider that never tells how many tokens an answer took."""
    supports_served_model: bool = True
    """False for a provider whose answers do not name the model."""

    @property
    def supports_streaming(self) -> bool:
        """Whether answers can be streamed; by default, whether the backend has ``stream``."""
        return isinstance(self.make_backend(), Streams)

    @property
    def supports_tools(self) -> bool:
        """Whether tools can be given; by default, whether the catalog says so of `model`."""
        return "tools" in self.model.features

    @property
    def supports_model_list(self) -> bool:
        """Whether the models can be listed; by default, whether the backend has ``list_models``."""
        return isinstance(self.make_backend(), ListsModels)

    @property
    def model(self) -> ModelInfo:
        """The model that is asked; by default an active one of the catalog with the most capabilities."""
        chat = [model for model in self.models if model.kind == "chat" and model.status != "retired"]
        assert chat, f"shunpike_models({self.info.id!r}) lists no chat model that can be asked: add one"
        return max(chat, key=lambda model: (model.status == "active", "tools" in model.features, len(model.features)))

    def settings(self, base_url: str) -> ProviderSettings:
        """Return the section of the configuration that the backend is made with."""
        return ProviderSettings(key=SecretStr(self.key), base_url=base_url, timeouts=TIMES)

    # ---- what the laws use

    @property
    def hooks(self) -> Any:
        """The hooks of this plugin alone."""
        return _hooks(type(self).plugin)

    @cached_property
    def infos(self) -> list[ProviderInfo]:
        """The providers that the plugin brings."""
        return [info for infos in self.hooks.shunpike_providers() for info in infos or ()]

    @cached_property
    def info(self) -> ProviderInfo:
        """The provider that is tested."""
        ids = [info.id for info in self.infos]
        assert ids, f"{self.plugin!r} brings no provider: is it the object that the entry point names?"
        if self.provider or len(ids) != 1:
            assert self.provider in ids, f"shunpike_providers() brings {ids}: set provider to one of them"
            return self.infos[ids.index(self.provider)]
        return self.infos[0]

    @cached_property
    def models(self) -> list[ModelInfo]:
        """The provider's catalog."""
        return list(self.hooks.shunpike_models(provider=self.info.id) or ())

    def make_backend(self, base_url: str = "http://127.0.0.1:9") -> Backend:
        """Return a new backend that talks to ``base_url``."""
        settings = self.settings(base_url + self.wire.base_path)
        backend = self.hooks.shunpike_completion(provider=self.info.id, settings=settings)
        assert isinstance(backend, Backend), (
            f"shunpike_completion({self.info.id!r}) answered {type(backend).__name__}: "
            "answer with an object that has `complete` and `aclose`"
        )
        return backend

    @pytest.fixture(params=WAYS)
    def way(self, request: pytest.FixtureRequest) -> str:
        """How the answer is asked for."""
        if request.param == "streamed" and not self.supports_streaming:
            pytest.skip("supports_streaming is False")
        return str(request.param)

    @asynccontextmanager
    async def bench(self, *scripts: Script) -> AsyncIterator[Bench]:
        """A backend at an upstream that plays ``scripts``, one a request and the last one for ever."""
        model = self.model.id
        paths = {self.wire.base_path + self.wire.path(model, streamed=streamed) for streamed in (False, True)}
        with anyio.fail_after(PATIENCE):
            async with Upstream() as upstream:
                for path in paths:
                    upstream.on(path, *scripts)
                backend = self.make_backend(upstream.base_url)
                try:
                    yield Bench(upstream, backend, model)
                finally:
                    await backend.aclose()

    def told(self, way: str, found: Answer) -> Script:
        """Return the script of an answer, whole or streamed."""
        if way == "whole":
            return scripted.reply(self.wire.whole(found))
        return self.streamed(*self.wire.parts(found, TEXTS if found.choices[0].message.text else ()))

    def streamed(self, *parts: Any) -> Script:
        """Return the script of a stream of these parts."""
        return scripted.stream(parts, content_type=self.wire.stream_type)

    def refusal(self, status: int, message: str = "not today", **headers: str) -> Script:
        """Return the script of a refusal; an underscore in the name of a header stands for a dash."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return scripted.reply(self.wire.refusal(status, message), status=status, headers=named)

    def stalled(self, way: str, where: str) -> Script:
        """Return the script of an answer that stops to come ``before the head`` or ``in the answer``."""
        if where == "before the head":
            return Script([Stall()])
        if way == "streamed":
            parts = list(self.wire.parts(answer(), TEXTS))
            return self.streamed(*parts[: len(parts) // 2], Stall())
        return Script([self.raw(answer())[:-20], Stall()])

    def raw(self, found: Answer) -> bytes:
        """Return head and body of a unary answer as they are sent."""
        step = self.told("whole", found).steps[0]
        assert isinstance(step, bytes), "a scripted reply is sent in one piece"
        return step

    async def failure(self, bench: Bench, way: str, call: Call | None = None) -> ProviderError:
        """Return the error that asking raises, which must be of our tree."""
        try:
            found = await bench.ask(way, call)
        except ProviderError as error:
            return error
        except Exception as error:
            raise AssertionError(
                f"{way}: {type(error).__name__} got out of the backend ({error}): raise a ProviderError from it"
            ) from error
        raise AssertionError(f"{way}: what failed came back as the answer {found.choices[0].message.text!r}")

    def need(self, capability: str) -> None:
        """Skip the test unless the provider has ``capability``."""
        if not getattr(self, capability):
            pytest.skip(f"{capability} is False")


@cache
def _hooks(plugin: object) -> Any:
    assert plugin is not None, "set the contract's `plugin` to the object that your entry point names"
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, "tested")
    return manager.hook
