"""Laws of the key: it reaches its provider, and nobody else."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Iterator

import pytest

from shunpike.errors import NoCredential, ProviderError
from shunpike.types import ProviderSettings
from shunpike_testkit import upstream as scripted
from shunpike_testkit.contract import ONE_LOOP
from shunpike_testkit.provider_contract.basis import ProviderBasis
from shunpike_testkit.provider_contract.bench import TEXTS, answer
from shunpike_testkit.upstream import Script, Upstream


class SecretLaws(ProviderBasis):
    """The key travels in a header to one address and shows nowhere."""

    @property
    def needs_key(self) -> bool:
        """Whether the provider has a key at all."""
        return self.info.env_key is not None

    def test_a_missing_key_names_its_variable(self) -> None:
        """The one that the user can set: the provider's own, or the configured one."""
        self.need("needs_key")
        configured = ProviderSettings(key_env="KEY_OF_THE_CONTRACT")
        for settings, variable in ((ProviderSettings(), self.info.env_key), (configured, "KEY_OF_THE_CONTRACT")):
            try:
                self.hooks.shunpike_completion(provider=self.info.id, settings=settings)
            except NoCredential as error:
                text = f"{error} {error.hint}"
                assert str(variable) in text, f"NoCredential must name the variable {variable}, it says: {text}"
            else:
                raise AssertionError(f"without a key shunpike_completion must raise NoCredential naming {variable}")

    @ONE_LOOP
    async def test_the_key_travels_in_a_header(self, way: str) -> None:
        """An address ends up in logs, a body in files."""
        self.need("needs_key")
        async with self.bench(self.told(way, answer())) as bench:
            await bench.ask(way)
            request = bench.upstream.requests[0]
        assert any(self.key in value for value in request.headers.values()), (
            f"{way}: no header of the request has the key"
        )
        assert self.key not in request.path, f"{way}: the key is in the address: put it into a header"
        assert self.key.encode() not in request.body, f"{way}: the key is in the body: put it into a header"

    def test_the_key_shows_in_no_repr(self) -> None:
        """Nor in those of the backend's own attributes, which a debugger prints."""
        backend = self.make_backend()
        shown = {"repr": repr(backend), "str": str(backend), "vars": repr(getattr(backend, "__dict__", {}))}
        found = [name for name, text in shown.items() if self.key in text]
        assert not found, f"the key shows in {found} of {type(backend).__name__}: keep it in a pydantic.SecretStr"

    @ONE_LOOP
    @pytest.mark.parametrize("where", ["refused key", "bad request", "trouble", "page", "hang-up", "in a stream"])
    async def test_the_key_shows_in_no_error(self, way: str, where: str) -> None:
        """Providers quote it back; neither the error nor what caused it may."""
        async with self.bench(self._quoting(way, where)) as bench:
            error = await self.failure(bench, way)
        for text in _texts(error):
            assert self.key not in text, (
                f"{way}, {where}: the key shows in the error ({text[:300]!r}): remove it from what the provider says, "
                "see shunpike.wire.scrub, and cut the chain with `from None` where a cause quotes it"
            )
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled on the line itself
        assert type(again) is type(error), f"a {type(error).__name__} must survive pickling, it became {again!r}"
        assert vars(again) == vars(error), "an error must keep its attributes when it is pickled"
        assert self.key.encode() not in pickle.dumps(error), f"{way}, {where}: the key is in the pickled error"

    def _quoting(self, way: str, where: str) -> Script:
        text = f"Incorrect API key provided: {self.key}. Authorization was 'Bearer {self.key}'."
        failed = self.wire.failed_part(503, text)
        if where == "in a stream":
            if way != "streamed" or failed is None:
                pytest.skip("there is no failure inside a stream")
            return self.streamed(self.wire.parts(answer(), TEXTS)[0], failed)
        if where == "page":
            return scripted.reply(f"<html>{text}</html>", status=502, content_type="text/html")
        if where == "hang-up":
            return scripted.hang_up(f"HTTP/1.1 200 OK\r\nx-key: {self.key}\r\ncontent-le".encode())
        return self.refusal({"refused key": 401, "bad request": 400, "trouble": 500}[where], text)

    async def test_the_key_shows_in_no_log(
        self, way: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Not even at the level of debugging, whatever library logs; nor on the terminal."""
        caplog.set_level(logging.DEBUG)
        async with self.bench(
            self.told(way, answer()), self.refusal(401, f"bad key {self.key}"), scripted.hang_up()
        ) as bench:
            await bench.ask(way)
            await self.failure(bench, way)
            await self.failure(bench, way)
        output = capsys.readouterr()
        for name, text in (("log", caplog.text), ("output", output.out), ("error output", output.err)):
            line = next((line for line in text.splitlines() if self.key in line), None)
            assert line is None, f"{way}: the key shows in the {name}: {line!r}"

    @ONE_LOOP
    async def test_a_redirect_is_not_followed(self, way: str) -> None:
        """The key belongs to its origin."""
        async with Upstream() as other:
            headers = {"location": f"{other.base_url}/elsewhere"}
            async with self.bench(scripted.reply("", status=307, headers=headers)) as bench:
                error = await self.failure(bench, way)
            assert not other.requests, f"{way}: a redirect was followed, with the key: switch that off"
        assert isinstance(error, ProviderError)


def _texts(error: BaseException | None) -> Iterator[str]:
    """Yield whatever is said by an error and by what led to it."""
    while error is not None:
        yield f"{error}\n{error!r}\n{error.args!r}\n{vars(error)!r}"
        yield "".join(traceback.format_exception(error, chain=False))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
