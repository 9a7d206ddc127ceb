"""Forms that one provider alone has: Together's log probabilities, Gemini's citations, Groq's inline thoughts."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from shunpike.types import Call, ChatRequest, ProviderSettings
from shunpike.wire import StreamProgress
from shunpike_google.answer import read_answer
from shunpike_google.body import Body
from shunpike_google.citations import citations
from shunpike_google.traits import Traits


def backend_of(provider: str) -> Any:
    return import_module(f"shunpike_{provider}").plugin.backend(ProviderSettings.model_validate({"key": "k" * 20}))


def call(model: str, **request: Any) -> Call:
    request.setdefault("messages", "hi")
    return Call(request=ChatRequest(**request), model=model, max_output=50, attempt_id="a")


OWN = {"tokens": ["N", "o"], "token_logprobs": [-0.5, None], "top_logprobs": [{"N": -0.5, "Y": -1.5}]}


class TestTogether:
    @pytest.mark.parametrize(
        ("asked", "sent"),
        [({"logprobs": True}, 1), ({"logprobs": True, "top_logprobs": 3}, 3), ({"logprobs": False}, None)],
    )
    def test_log_probabilities_are_asked_for_with_a_number(self, asked, sent):
        body = backend_of("together").body(call("m", **asked))
        assert (body.get("logprobs"), "top_logprobs" in body) == (sent, False)

    def test_parallel_lists_become_rows(self):
        choice = {"index": 0, "message": {"content": "No"}, "finish_reason": "eos", "logprobs": OWN}
        answer = backend_of("together").answer(call("m"), {"choices": [choice]}, {})
        first, second = answer.choices[0].logprobs["content"]
        assert (first["token"], first["logprob"], second["logprob"]) == ("N", -0.5, None)
        assert [row["token"] for row in first["top_logprobs"]] == ["N", "Y"]
        assert (second["bytes"], second["top_logprobs"]) == ([111], [])

    def test_a_stream_has_them_too_and_the_common_form_stays(self):
        backend = backend_of("together")
        raw_chunk = {"choices": [{"delta": {"content": "No"}, "logprobs": OWN}]}
        [chunk] = backend.chunks(raw_chunk, StreamProgress(call("m")))
        assert len(chunk.logprobs["content"]) == 2
        common = {"choices": [{"delta": {"content": "No"}, "logprobs": {"content": []}}, {"logprobs": 7}]}
        assert backend.chunks(common, StreamProgress(call("m")))[0].logprobs == {"content": []}


class TestGroq:
    def test_thoughts_are_asked_for_apart_from_the_text(self):
        backend = backend_of("groq")
        assert backend.body(call("qwen/qwen3.8-27b"))["reasoning_format"] == "parsed"
        assert "reasoning_format" not in backend.body(call("qwen/qwen3.8-27b", include_reasoning=False))
        assert "reasoning_format" not in backend.body(call("openai/gpt-oss-20b"))

    @pytest.mark.parametrize(
        ("model", "effort", "sent"),
        [("openai/gpt-oss-20b", "minimal", "low"), ("qwen/qwen3.8-27b", "high", "default"), ("qwen/x", "none", "none")],
    )
    def test_each_family_has_its_own_efforts(self, model, effort, sent):
        assert backend_of("groq").body(call(model, reasoning_effort=effort))["reasoning_effort"] == sent


class TestDeepSeek:
    def test_a_schema_is_asked_for_in_words(self):
        wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "title": "T"}}}
        backend, asked = backend_of("deepseek"), call("m", response_format=wanted)
        body = backend.body(asked)
        assert body["response_format"] == {"type": "json_object"}
        assert '"title": "T"' in body["messages"][0]["content"]
        assert backend.warnings(asked, streamed=False)


class TestOpenAI:
    def test_a_model_that_always_reasons_gets_its_least_effort_and_is_not_sampled(self):
        body = backend_of("openai").body(call("o3", reasoning_effort="none", temperature=0.2))
        assert (body["reasoning_effort"], "temperature" in body) == ("low", False)


class TestGoogle:
    def test_bytes_become_characters(self):
        text = "Grüße aus Zürich."
        data = {"groundingMetadata": {
            "groundingChunks": [{"web": {"uri": "https://z", "title": "Z"}}, {"maps": {"uri": "https://m"}}],
            "groundingSupports": [
                {"segment": {"startIndex": 12, "endIndex": 20}, "groundingChunkIndices": [0, 9, "x"]},
            ],
        }}  # fmt: skip
        first, second = citations(data, text)
        cited = first["url_citation"]
        assert text[cited["start_index"] : cited["end_index"]] == "Zürich."
        assert second["url_citation"] == {"url": "https://m", "title": ""}

    def test_an_event_that_repeats_a_citation_adds_nothing(self):
        source = {"citationMetadata": {"citationSources": [{"uri": "https://example.com/p", "endIndex": 1}]}}
        row = {"content": {"parts": [{"text": "A"}]}, "finishReason": "STOP", **source}
        answer = read_answer({"candidates": [row]}, call("m"))
        assert len(answer.choices[0].message.annotations) == 1

    @pytest.mark.parametrize(
        ("tier", "sent"), [("flex", "flex"), ("default", "standard"), ("auto", "standard"), (None, None)]
    )
    def test_the_service_tier_is_named_as_gemini_names_it(self, tier, sent):
        assert Body(call("gemini-x", service_tier=tier), Traits()).build().get("serviceTier") == sent

    def test_what_another_provider_wants_back_is_left_out_with_a_warning(self):
        said = {"role": "assistant", "content": "y", "private": {"zeta": {"s": 1}, "google": {"text": "c2ln"}}}
        body = Body(call("gemini-x", messages=[{"role": "user", "content": "x"}, said]), Traits())
        assert body.build()["contents"][1]["parts"] == [{"text": "y", "thoughtSignature": "c2ln"}]
        assert len(body.warnings) == 1

    def test_a_refusal_goes_back_as_text(self):
        said = {"role": "assistant", "refusal": "I can't."}
        body = Body(call("gemini-x", messages=[{"role": "user", "content": "x"}, said]), Traits()).build()
        assert body["contents"][1]["parts"] == [{"text": "I can't."}]
