"""What all contracts share: both event loops, expected failures that must fail, and laws that can't be replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import ClassVar

import pytest
from typing_extensions import override

KIT = "shunpike_testkit."
LOOPS = ("asyncio", "trio")
WAYS = ("whole", "streamed")
"""How an answer can be asked for."""
GUARD = "test_no_contract_test_is_overridden"
ONE_LOOP = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True, scope="class")
"""For laws on which the event loop has no bearing."""


class Contract:
    """Inherit from a contract and say what is tested; ``knobs`` are the names that may be set."""

    pytestmark: ClassVar = [pytest.mark.anyio]
    knobs: ClassVar[tuple[str, ...]] = ("expected_failures", "pytestmark", "supports_trio")

    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Name of a test, with its parameters such as ``test_x[429]`` or without → why it fails. It then *must* fail."""
    supports_trio: bool = True
    """False for what is built on a library that runs on asyncio only."""

    @override
    def __init_subclass__(cls) -> None:
        """Reject a class that replaces the test which looks for replaced tests."""
        super().__init_subclass__()
        if GUARD in vars(cls):
            raise TypeError(f"{cls.__name__} replaces {GUARD}: remove that")

    @pytest.fixture(scope="class", params=LOOPS)
    @classmethod
    def anyio_backend(cls, request: pytest.FixtureRequest) -> str:
        """The event loop; every asynchronous test runs on both."""
        if request.param == "trio" and not cls.supports_trio:
            pytest.skip("supports_trio is False")
        return str(request.param)

    @pytest.fixture(scope="class")
    @classmethod
    async def shared_loop(cls, anyio_backend: str) -> AsyncIterator[str]:
        """One loop for all tests of the class: to start and to stop one takes longer than most of them."""
        yield anyio_backend

    @pytest.fixture(autouse=True)
    def _prepared(self, request: pytest.FixtureRequest) -> None:
        """Make a strict xfail of a test that is expected to fail, and share the loop of one that needs it."""
        for name in _names(request.node):
            if name in self.expected_failures:
                request.node.add_marker(pytest.mark.xfail(reason=self.expected_failures[name], strict=True))
        if "anyio_backend" in request.fixturenames:
            request.getfixturevalue("shared_loop")

    def test_no_contract_test_is_overridden(self) -> None:
        """A law that does not hold is named as an expected failure, where everybody can see it."""
        replaced = sorted(set(_replaced(type(self))))
        assert not replaced, (
            f"{type(self).__name__} replaces {', '.join(replaced)}: remove that, and name a test that fails for a "
            f"reason in expected_failures; only these may be set: {', '.join(sorted(_knobs(type(self))))}"
        )

    def test_expected_failures_are_tests_of_this_contract(self) -> None:
        """A name that means nothing would hide that its test was renamed."""
        unknown = [name for name in self.expected_failures if not hasattr(self, name.partition("[")[0])]
        assert not unknown, f"expected_failures names {', '.join(unknown)}, which is no test of this contract"
        bare = [name for name, reason in self.expected_failures.items() if not reason.strip()]
        assert not bare, f"expected_failures must say why for {', '.join(bare)}"


def _names(node: pytest.Item) -> Iterator[str]:
    """Yield the names that a test goes by: with all its parameters, without event loop or way, and bare."""
    bare, _, rest = node.name.partition("[")
    parts = rest.removesuffix("]").split("-") if rest else []
    for left_out in ((), LOOPS, WAYS, (*LOOPS, *WAYS)):
        kept = "-".join(part for part in parts if part not in left_out)
        yield f"{bare}[{kept}]" if kept else bare
    yield bare


def _knobs(contract: type) -> set[str]:
    return {name for base in contract.__mro__ for name in vars(base).get("knobs", ())}


def _replaced(contract: type) -> Iterator[str]:
    """Yield what a contract defines and a class outside of the kit defines again."""
    ours = {name for base in contract.__mro__ if base.__module__.startswith(KIT) for name in vars(base)}
    protected = {name for name in ours if not name.startswith("__")} - _knobs(contract)
    for base in contract.__mro__:
        if not base.__module__.startswith(KIT):
            yield from protected & set(vars(base))
