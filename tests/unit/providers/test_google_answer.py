"""What Gemini answers, read whole."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.errors import BadAnswer, RequestError
from shunpike.types import ABSENT, Answer, Call, ChatRequest, Usage
from shunpike_google.answer import read_answer, read_usage
from shunpike_google.calls import CallCollector

CALL = Call(request=ChatRequest(messages="hi"), model="gemini-3.8-flash", max_output=50, attempt_id="attempt")


def read(*parts: dict[str, Any], finish: object = "STOP", **more: Any) -> Answer:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}
    return read_answer({"candidates": [candidate], **more}, CALL)


def test_text_thoughts_and_signature_are_told_apart():
    answer = read(
        {"text": "hm", "thought": True}, {"text": "Hello"}, {"text": "", "thoughtSignature": "sig"}, modelVersion="m-1"
    )

    (choice,) = answer.choices
    assert (choice.message.text, choice.message.reasoning, choice.finish_reason) == ("Hello", "hm", "stop")
    assert choice.message.private == {"google": {"text": "sig"}}
    assert answer.model == "m-1"


def test_calls_come_with_their_ids_and_signatures():
    answer = read(
        {"functionCall": {"id": "x1", "name": "add", "args": {"a": 1}}, "thoughtSignature": "sig"},
        {"functionCall": {"id": "x2", "name": "now"}},
    )

    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert [(one.id, one.function.name, one.function.arguments) for one in choice.message.tool_calls] == [
        ("x1", "add", '{"a": 1}'),
        ("x2", "now", "{}"),
    ]
    assert choice.message.private == {"google": {"calls": {"x1": "sig"}}}


def test_calls_without_ids_get_some_that_no_other_answer_has():
    twice = read({"functionCall": {"name": "now"}}, {"functionCall": {"name": "now"}})
    ids = [one.id for one in twice.choices[0].message.tool_calls]
    other = CallCollector("another attempt").add({"functionCall": {"name": "now"}})

    assert len({*ids, other.id}) == 3
    assert all(len(one) <= 40 for one in ids)
    assert ids == [one.id for one in read(*[{"functionCall": {"name": "now"}}] * 2).choices[0].message.tool_calls]


@pytest.mark.parametrize(
    ("told", "reason", "warned"),
    [
        ("STOP", "stop", False),
        (1, "stop", False),
        ("MAX_TOKENS", "length", False),
        (2, "length", False),
        ("SAFETY", "content_filter", False),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter", False),
        ("OTHER", "stop", True),
        ("SOMETHING_NEW", "stop", True),
        (None, "stop", True),
    ],
)
def test_finish_reasons_are_ours(told, reason, warned):
    answer = read({"text": "x"}, finish=told)

    assert answer.choices[0].finish_reason == reason
    assert bool(answer.warnings) == warned


@pytest.mark.parametrize("told", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "LANGUAGE"])
def test_an_answer_that_the_model_failed_to_write_is_a_bad_one(told):
    with pytest.raises(BadAnswer, match=told) as caught:
        read({"text": "x"}, finish=told)

    assert caught.value.kind == "schema_invalid"


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "IMAGE_SAFETY"])
def test_a_prompt_that_is_refused_for_its_content_ends_the_request_and_keeps_its_figures(reason):
    body = {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}
    with pytest.raises(RequestError, match=f"google blocked the prompt: {reason}") as caught:
        read_answer(body, CALL)
    assert (caught.value.kind, caught.value.elsewhere, caught.value.billed) == ("content_filter", False, None)
    assert caught.value.bill.usage.prompt_tokens == 3


def test_a_prompt_that_is_blocked_for_no_named_reason_may_be_taken_elsewhere():
    answer = read_answer({"promptFeedback": {"blockReason": "OTHER"}, "usageMetadata": {"promptTokenCount": 3}}, CALL)

    assert answer.choices[0].finish_reason == "content_filter"
    assert answer.warnings == ("google blocked the prompt: OTHER",)
    assert answer.usage.prompt_tokens == 3


@pytest.mark.parametrize("body", [{}, {"candidates": []}, {"candidates": None}, {"candidates": "text"}, []])
def test_an_answer_without_any_candidate_is_a_bad_one(body):
    with pytest.raises(BadAnswer):
        read_answer(body, CALL)


@pytest.mark.parametrize("content", [None, {}, {"parts": None}, {"parts": [None, 3, {"text": None}]}])
def test_a_candidate_without_content_is_empty_not_a_crash(content):
    answer = read_answer({"candidates": [{"content": content, "finishReason": "MAX_TOKENS"}]}, CALL)

    assert (answer.choices[0].message.text, answer.choices[0].finish_reason) == ("", "length")


def test_thoughts_are_part_of_the_completion_and_cached_tokens_of_the_prompt():
    usage = read_usage(
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 40,
            "candidatesTokenCount": 10,
            "thoughtsTokenCount": 30,
            "toolUsePromptTokenCount": 5,
            "totalTokenCount": 145,
        }
    )

    assert usage == Usage(prompt_tokens=105, completion_tokens=40, cached_tokens=40, reasoning_tokens=30)


def test_candidates_that_already_hold_the_thoughts_are_not_counted_twice():
    told = {"promptTokenCount": 10, "candidatesTokenCount": 30, "thoughtsTokenCount": 20, "totalTokenCount": 40}

    assert read_usage(told) == Usage(prompt_tokens=10, completion_tokens=30, reasoning_tokens=20)


def test_without_a_total_the_parts_are_added():
    told = {"promptTokenCount": 10, "candidatesTokenCount": 30, "thoughtsTokenCount": 20}

    assert read_usage(told).completion_tokens == 50


@pytest.mark.parametrize("told", [None, {}, {"trafficType": "X"}, {"promptTokenCount": -1}, {"promptTokenCount": "5"}])
def test_an_uncounted_prompt_is_absent_never_zero(told):
    assert read_usage(told) is ABSENT


def test_log_probabilities_have_openais_form():
    candidate = {
        "content": {"parts": [{"text": "hi"}]},
        "finishReason": "STOP",
        "logprobsResult": {
            "chosenCandidates": [{"token": "hi", "logProbability": -0.1}],
            "topCandidates": [{"candidates": [{"token": "ho", "logProbability": -2.0}]}],
        },
    }

    answer = read_answer({"candidates": [candidate]}, CALL)

    assert answer.choices[0].logprobs == {
        "content": [
            {
                "token": "hi",
                "logprob": -0.1,
                "bytes": [104, 105],
                "top_logprobs": [{"token": "ho", "logprob": -2.0, "bytes": [104, 111]}],
            }
        ]
    }


def test_arguments_in_chunks_are_put_together():
    calls = CallCollector("s")
    parts = [
        {"name": "write", "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.text", "stringValue": "aa", "willContinue": True}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.text", "stringValue": "aa"}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.rows[0].n", "numberValue": 3}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.rows[1]", "nullValue": "NULL_VALUE"}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.rows[7]", "boolValue": True}, {"jsonPath": "no"}], "willContinue": True},
    ]

    assert [calls.add({"functionCall": part}) for part in parts] == [None] * len(parts)
    assert calls.add({"functionCall": {}}).arguments == '{"text": "aaaa", "rows": [{"n": 3}, null]}'
    assert calls.add({"functionCall": {}}) is None
