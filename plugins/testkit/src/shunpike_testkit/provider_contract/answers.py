"""Laws of answers: what the provider said arrives, whole and streamed, and what was asked reaches the provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shunpike.types import ABSENT, Basis, Message
from shunpike_testkit.contract import ONE_LOOP
from shunpike_testkit.provider_contract.basis import ProviderBasis
from shunpike_testkit.provider_contract.bench import CALLS, SERVED, TEXTS, TOOLS, USAGE, answer, calls, tool_answer

CONVERSATION = (
    Message(role="system", content="law-system"),
    Message(role="user", content="law-question"),
    Message(role="assistant", content="law-answer"),
    Message(role="user", content="law-next"),
)


class AnswerLaws(ProviderBasis):
    """What the provider said arrives in the common words."""

    async def test_the_text_arrives(self, way: str) -> None:
        """Every character of it, in order, once."""
        async with self.bench(self.told(way, answer())) as bench:
            found = await bench.ask(way)
        text = found.choices[0].message.text
        assert text == "".join(TEXTS), (
            f"{way}: the text must arrive unchanged; expected {''.join(TEXTS)!r}, got {text!r}"
        )

    @ONE_LOOP
    async def test_the_served_model_arrives(self, way: str) -> None:
        """It is the one that is billed, which need not be the one that was asked."""
        self.need("supports_served_model")
        async with self.bench(self.told(way, answer())) as bench:
            found = await bench.ask(way)
        assert found.model == SERVED, (
            f"{way}: Answer.model must be the model that the answer names ({SERVED!r}), got {found.model!r}; where "
            "answers name none, set supports_served_model = False"
        )

    async def test_the_usage_arrives(self, way: str) -> None:
        """As measured, with the prompt and the completion apart."""
        self.need("supports_usage")
        async with self.bench(self.told(way, answer())) as bench:
            usage = (await bench.ask(way)).usage
        counted = (usage.prompt_tokens, usage.completion_tokens, usage.basis)
        assert counted == (USAGE.prompt_tokens, USAGE.completion_tokens, Basis.MEASURED), (
            f"{way}: usage must be read from the answer: expected 11 and 7, measured, got {usage!r}; a stream may have "
            "to be asked for it; where no answer has any, set supports_usage = False"
        )

    @ONE_LOOP
    async def test_an_absent_usage_is_not_zero(self, way: str) -> None:
        """Zero would be booked as free."""
        async with self.bench(self.told(way, answer(usage=ABSENT))) as bench:
            usage = (await bench.ask(way)).usage
        assert usage.basis is not Basis.MEASURED, (
            f"{way}: an answer without usage came back as measured ({usage!r}): leave Answer.usage as ABSENT"
        )

    @ONE_LOOP
    @pytest.mark.parametrize("finish", ["stop", "length"])
    async def test_the_finish_reason_arrives(self, way: str, finish: str) -> None:
        """In our words, whatever the provider's are."""
        async with self.bench(self.told(way, answer(finish=finish))) as bench:
            found = (await bench.ask(way)).choices[0].finish_reason
        assert found == finish, f"{way}: expected the finish reason {finish!r}, got {found!r}: map the provider's word"

    async def test_tool_calls_arrive(self, way: str) -> None:
        """Two in one answer, each with its arguments and an id of its own; the answer ends in ``tool_calls``."""
        self.need("supports_tools")
        async with self.bench(self.told(way, tool_answer())) as bench:
            found = await bench.ask(way, bench.call(tools=TOOLS))
            sent = bench.upstream.requests[0].body.decode()
        expected = [(call.function.name, json.loads(call.function.arguments)) for call in CALLS]
        got = [(name, json.loads(arguments)) for name, arguments in calls(found)]
        assert got == expected, f"{way}: expected the tool calls {expected}, got {got}"
        ids = {call.id for call in found.choices[0].message.tool_calls or ()}
        assert len(ids) == 2, f"{way}: tool calls need different ids, got {ids}: make some up where none come"
        assert "" not in ids, f"{way}: a tool call has an empty id: make one up where none comes"
        assert found.choices[0].finish_reason == "tool_calls", (
            f"{way}: an answer with tool calls ends in 'tool_calls', got {found.choices[0].finish_reason!r}"
        )
        assert "weather" in sent, f"{way}: the tools were not sent"

    @ONE_LOOP
    async def test_a_whole_conversation_is_sent(self, way: str) -> None:
        """System message, question, answer and next question, in one request."""
        async with self.bench(self.told(way, answer())) as bench:
            await bench.ask(way, bench.call(CONVERSATION))
            sent = bench.upstream.requests[0].body.decode()
        missing = [message.text for message in CONVERSATION if message.text not in sent]
        assert not missing, f"{way}: these messages were not sent: {missing}"

    @ONE_LOOP
    async def test_calls_of_tools_and_their_results_are_sent(self, way: str) -> None:
        """What was called with which arguments, and what came of it."""
        self.need("supports_tools")
        turns = (
            Message(role="user", content="law-question"),
            Message(role="assistant", tool_calls=CALLS[:1]),
            Message(role="tool", tool_call_id=CALLS[0].id, content="law-sunny"),
        )
        async with self.bench(self.told(way, answer())) as bench:
            await bench.ask(way, bench.call(turns, tools=TOOLS))
            sent = bench.upstream.requests[0].body.decode()
        missing = [word for word in ("law-question", "Uri", "law-sunny") if word not in sent]
        assert not missing, f"{way}: of a conversation with tools this was not sent: {missing}"

    @ONE_LOOP
    async def test_every_request_carries_an_output_cap(self, way: str) -> None:
        """The cap is that of the call, whatever the request says: the worst case was reserved with it."""
        requests: tuple[dict[str, Any], ...] = ({}, {"max_tokens": 8192}, {"max_completion_tokens": 8192})
        for request in requests:
            async with self.bench(self.told(way, answer())) as bench:
                call = bench.call(**request)
                await bench.ask(way, call)
                cap = self.wire.output_cap(bench.upstream.requests[0].json)
            assert cap == call.max_output, (
                f"{way}: with {request} the output cap sent was {cap!r}: always send call.max_output, which was "
                f"{call.max_output}, under the provider's name for it and under no other"
            )

    @ONE_LOOP
    async def test_one_call_is_one_request(self, way: str) -> None:
        """Retries are the core's: each is admitted by the ledger first."""
        async with self.bench(self.refusal(503)) as bench:
            await self.failure(bench, way)
            count = len(bench.upstream.requests)
        assert count == 1, f"{way}: a failed call was sent {count} times: switch off the retries of your HTTP library"
