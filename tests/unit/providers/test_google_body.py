"""A chat request in Gemini's own words."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.errors import NotHere, RequestError
from shunpike.types import Call, ChatRequest
from shunpike_google import plugin
from shunpike_google.body import Body

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells it",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        "strict": True,
    },
}
ASKED = {
    "role": "assistant",
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}},
        {"id": "b", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
    ],
}


def built(model: str = "gemini-3.8-flash", *, strict: bool = False, **request: Any) -> tuple[dict[str, Any], list[str]]:
    request.setdefault("messages", "hi")
    call = Call(request=ChatRequest(**request), model=model, max_output=50, attempt_id="a", strict=strict)
    body = Body(call, plugin.traits)
    return body.build(), body.warnings


def test_a_question_is_one_turn_with_its_bound():
    body, warnings = built()

    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"maxOutputTokens": 50},
    }
    assert warnings == []


def test_instructions_stand_apart_and_an_assistant_is_a_model():
    body, _ = built(
        messages=[
            {"role": "system", "content": "short"},
            {"role": "developer", "content": "polite"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "bye"},
        ]
    )

    assert body["systemInstruction"] == {"parts": [{"text": "short"}, {"text": "polite"}]}
    assert [turn["role"] for turn in body["contents"]] == ["user", "model", "user"]


def test_instructions_alone_are_the_question():
    body, _ = built(messages=[{"role": "system", "content": "say hi"}])

    assert body["contents"] == [{"role": "user", "parts": [{"text": "say hi"}]}]
    assert "systemInstruction" not in body


def test_parameters_have_their_own_names():
    body, warnings = built(
        temperature=0.5, top_p=0.9, top_k=40, seed=7, presence_penalty=0.1, n=2, stop=["x", "y"], logprobs=True
    )

    assert body["generationConfig"] == {
        "maxOutputTokens": 50,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "seed": 7,
        "presencePenalty": 0.1,
        "responseLogprobs": True,
        "candidateCount": 2,
        "stopSequences": ["x", "y"],
    }
    assert warnings == []


def test_what_gemini_does_not_know_is_left_out_with_a_warning():
    tools = [{"type": "function", "function": {"name": "f"}}]
    body, warnings = built(tools=tools, parallel_tool_calls=False, logit_bias={"1": 2}, user="me", service_tier="scale")
    assert set(body) == {"contents", "generationConfig", "tools"}
    assert warnings == [
        "google does not take 'logit_bias': it was left out",
        "google does not take 'parallel_tool_calls': it was left out",
        "google does not take 'user': it was left out",
        "google does not take the service tier 'scale': it was left out",
    ]


def test_a_strict_call_goes_elsewhere_instead():
    with pytest.raises(NotHere, match="logit_bias") as caught:
        built(strict=True, logit_bias={"1": 2})

    assert caught.value.kind == "unsupported"


def test_only_five_stop_sequences_are_sent():
    body, warnings = built(stop=list("abcdef"))

    assert body["generationConfig"]["stopSequences"] == list("abcde")
    assert warnings == ["google does not take more than 5 stop sequences: it was left out"]


def test_tools_are_declared_without_what_gemini_refuses():
    body, _ = built(tools=[WEATHER], tool_choice="required")

    assert body["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "weather",
                    "description": "Tells it",
                    "parametersJsonSchema": WEATHER["function"]["parameters"],
                }
            ]
        }
    ]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("none", {"mode": "NONE"}),
        ("auto", {"mode": "AUTO"}),
        (
            {"type": "function", "function": {"name": "weather"}},
            {"mode": "ANY", "allowedFunctionNames": ["weather"]},
        ),
    ],
)
def test_tool_choices_have_their_own_modes(choice, config):
    body, _ = built(tools=[WEATHER], tool_choice=choice)

    assert body["toolConfig"] == {"functionCallingConfig": config}


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"tools": [WEATHER], "tool_choice": "maybe"}, RequestError, "tool_choice: expected none, auto, required"),
        ({"tools": [{"type": "function", "function": {}}]}, RequestError, "tools: expected functions with a name"),
        ({"tools": [{"type": "web_search"}]}, NotHere, "a tool of type 'web_search' is not supported by google"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": "text"}}},
            RequestError,
            "response_format.json_schema.schema: expected a JSON schema, got 'text'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(request_, error, message):
    with pytest.raises(error, match=message):
        built(**request_)


def test_calls_and_their_results_keep_their_ids_on_newer_models():
    results = [
        {"role": "tool", "tool_call_id": "a", "content": '{"degrees": 20}'},
        {"role": "tool", "tool_call_id": "b", "content": "warm"},
    ]

    body, _ = built(messages=[{"role": "user", "content": "weather?"}, ASKED, *results])

    _, asked, answered = body["contents"]
    assert asked == {
        "role": "model",
        "parts": [
            {
                "functionCall": {"id": "a", "name": "weather", "args": {"city": "Paris"}},
                "thoughtSignature": "skip_thought_signature_validator",
            },
            {"functionCall": {"id": "b", "name": "weather", "args": {"city": "Rome"}}},
        ],
    }
    assert answered == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "a", "name": "weather", "response": {"degrees": 20}}},
            {"functionResponse": {"id": "b", "name": "weather", "response": {"output": "warm"}}},
        ],
    }


def test_older_models_get_neither_ids_nor_a_made_up_signature():
    result = {"role": "tool", "tool_call_id": "a", "content": "x"}

    body, _ = built("gemini-2.5-flash", messages=[{"role": "user", "content": "?"}, ASKED, result])

    assert body["contents"][1]["parts"][0] == {"functionCall": {"name": "weather", "args": {"city": "Paris"}}}
    assert body["contents"][2]["parts"] == [{"functionResponse": {"name": "weather", "response": {"output": "x"}}}]


def test_signatures_come_back_on_the_parts_they_came_with():
    said = {**ASKED, "content": "let me see", "private": {"google": {"calls": {"a": "sig-a"}, "text": "sig-t"}}}

    body, _ = built(messages=[{"role": "user", "content": "?"}, said])

    text, first, second = body["contents"][1]["parts"]
    assert (text["thoughtSignature"], first["thoughtSignature"]) == ("sig-t", "sig-a")
    assert "thoughtSignature" not in second


def test_another_providers_secrets_are_not_sent():
    said = {"role": "assistant", "content": "x", "private": {"other": {"text": "theirs"}}}

    body, _ = built(messages=[{"role": "user", "content": "?"}, said])

    assert "theirs" not in str(body)


def test_a_result_without_its_call_is_refused():
    with pytest.raises(RequestError, match="answers the call 'zz', which no assistant message makes"):
        built(messages=[{"role": "user", "content": "?"}, {"role": "tool", "tool_call_id": "zz", "content": "x"}])


def test_arguments_that_are_no_object_go_elsewhere():
    broken = {"id": "a", "type": "function", "function": {"name": "w", "arguments": '{"city": '}}

    with pytest.raises(NotHere, match="arguments are no JSON object"):
        built(messages=[{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": [broken]}])


def part(kind: str, **content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": "see"}, {"type": kind, **content}]}]


def test_images_and_sounds_go_inline():
    image, _ = built(messages=part("image_url", image_url={"url": "data:image/png;base64,AAAA"}))
    sound, _ = built(messages=part("input_audio", input_audio={"format": "wav", "data": "BBBB"}))
    paper, _ = built(messages=part("file", file={"file_data": "data:application/pdf;base64,CCCC"}))

    assert [body["contents"][0]["parts"][1]["inlineData"] for body in (image, sound, paper)] == [
        {"mimeType": "image/png", "data": "AAAA"},
        {"mimeType": "audio/wav", "data": "BBBB"},
        {"mimeType": "application/pdf", "data": "CCCC"},
    ]


def test_an_image_by_address_is_fetched_by_google_and_an_unknown_part_goes_elsewhere():
    body, _ = built(messages=part("image_url", image_url={"url": "https://example.com/cat.png?s=1"}))
    sent = body["contents"][0]["parts"][1]["fileData"]
    assert sent == {"mimeType": "image/png", "fileUri": "https://example.com/cat.png?s=1"}
    for kind, more in (("video", {"url": "x"}), ("image_url", {"image_url": {"url": "gs://cat"}})):
        with pytest.raises(NotHere, match="not supported by google"):
            built(messages=part(kind, **more))


def test_a_data_url_that_can_not_be_read_is_refused():
    with pytest.raises(RequestError, match="expected data:image/png;base64"):
        built(messages=part("image_url", image_url={"url": "data:image/png,plain"}))


def test_json_modes_have_their_own_fields():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}

    plain, _ = built(response_format={"type": "json_object"})
    strict, _ = built(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}})

    assert plain["generationConfig"]["responseMimeType"] == "application/json"
    assert strict["generationConfig"]["responseJsonSchema"] == schema


def test_tools_with_a_schema_go_elsewhere_on_older_models():
    wanted = {"tools": [WEATHER], "response_format": {"type": "json_object"}}

    with pytest.raises(NotHere, match="can't combine tools with structured output"):
        built("gemini-2.5-flash", **wanted)
    assert built("gemini-3.8-flash", **wanted)[0]["tools"]


@pytest.mark.parametrize(
    ("model", "effort", "config", "warned"),
    [
        ("gemini-3.5-flash", "none", {"thinkingLevel": "MINIMAL"}, False),
        ("gemini-3.5-flash", "medium", {"thinkingLevel": "MEDIUM"}, False),
        ("gemini-3.8-flash", "minimal", {"thinkingLevel": "LOW"}, True),
        ("gemini-3.1-pro-preview", "xhigh", {"thinkingLevel": "HIGH"}, False),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}, False),
        ("gemini-2.5-flash", "high", {"thinkingBudget": 4096}, False),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 512}, False),
        ("gemma-4-31b-it", "high", None, True),
    ],
)
def test_effort_is_a_level_or_a_budget_by_family(model, effort, config, warned):
    body, warnings = built(model, reasoning_effort=effort)

    assert body["generationConfig"].get("thinkingConfig") == config
    assert bool(warnings) == warned
