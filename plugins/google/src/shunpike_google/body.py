"""Turns a chat request into the body of ``generateContent``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.errors import NotHere, RequestError
from shunpike.types import Call, ChatRequest
from shunpike.wire.lenient import string, table
from shunpike.wire.unsupported import strangers
from shunpike_google.contents import PROVIDER, Json, contents, system_parts
from shunpike_google.traits import Traits

RENAMED = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
MAPPED = frozenset({
    "messages", "model", "n", "stop", "tools", "tool_choice", "response_format", "reasoning_effort", "service_tier",
    "stream", "stream_options", "max_tokens", "max_completion_tokens", *RENAMED,
})  # fmt: skip
"""Parameters that are sent under Gemini's own names, or that the way of asking already says."""
TIERS = {"flex": "flex", "default": "standard", "standard": "standard", "auto": "standard", "priority": "priority"}
"""Our service tier → Gemini's; the catalog's ``[service_tiers]`` say what each costs."""
MOST_STOPS = 5
CHOICES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}
BUDGETS = {"none": 512, "minimal": 512, "low": 1024, "medium": 2048}
"""Reasoning effort → thinking budget in tokens; whatever is higher gets `HIGH_BUDGET`."""
HIGH_BUDGET = 4096
LEVELS = {"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM"}


class Body:
    """The body of one call. ``warnings`` names what could not be sent; a strict call raises `NotHere` instead."""

    def __init__(self, call: Call, traits: Traits) -> None:
        self._call = call
        self._request: ChatRequest = call.request
        self._traits = traits
        self.warnings: list[str] = []

    def build(self) -> Json:
        """Return the body. Raises `NotHere` for what Gemini can't do, `RequestError` for what makes no sense."""
        request, model = self._request, self._call.model
        system = system_parts(request.messages)
        turns = contents(request.messages, model, call_ids=self._traits.has("call_ids", model))
        if not turns:
            # Gemini wants at least one turn: instructions alone are the question then.
            turns, system = [{"role": "user", "parts": system}], []
        body: Json = {"contents": turns, "generationConfig": self._generation()}
        if system:
            body["systemInstruction"] = {"parts": system}
        if request.tools:
            body["tools"] = [{"functionDeclarations": [self._function(tool) for tool in request.tools]}]
            if request.tool_choice is not None:
                body["toolConfig"] = {"functionCallingConfig": self._tool_choice(request.tool_choice)}
        for name in sorted(request.model_fields_set | set(request.model_extra or {})):
            if name not in MAPPED and self._given(name) is not None:
                self._left_out(repr(name))
        if (tier := self._given("service_tier")) in TIERS:
            body["serviceTier"] = TIERS[tier]
        elif tier is not None:
            self._left_out(f"the service tier {tier!r}")
        self.warnings += strangers(request, PROVIDER)
        return body

    def _given(self, name: str) -> Any:
        return getattr(self._request, name, None)

    def _left_out(self, what: str) -> None:
        text = f"google does not take {what}: it was left out"
        if self._call.strict:
            raise NotHere(text, provider=PROVIDER, model=self._call.model, kind="unsupported")
        self.warnings.append(text)

    def _generation(self) -> Json:
        # The bound is always sent: it covers thoughts and answer together, and thinking budgets are not kept.
        config: Json = {"maxOutputTokens": self._call.max_output}
        for name, theirs in RENAMED.items():
            if (value := self._given(name)) is not None:
                config[theirs] = value
        request = self._request
        if (request.n or 1) > 1:
            config["candidateCount"] = request.n
        if stops := [request.stop] if isinstance(request.stop, str) else list(request.stop or ()):
            if len(stops) > MOST_STOPS:
                self._left_out(f"more than {MOST_STOPS} stop sequences")
            config["stopSequences"] = stops[:MOST_STOPS]
        config.update(self._format())
        if request.reasoning_effort is not None:
            config.update(self._thinking(request.reasoning_effort))
        return config

    def _format(self) -> Json:
        wanted, model = self._request.json_mode, self._call.model
        if wanted is None:
            return {}
        if self._request.tools and self._traits.has("tools_or_schema", model):
            raise NotHere(
                f"{model} can't combine tools with structured output",
                provider=PROVIDER,
                model=model,
                kind="unsupported",
            )
        config: Json = {"responseMimeType": "application/json"}
        if wanted == "json_schema":
            schema = table(table(self._request.response_format).get("json_schema")).get("schema")
            if not isinstance(schema, Mapping):
                raise self._wrong("response_format.json_schema.schema", "a JSON schema", schema)
            config["responseJsonSchema"] = schema
        return config

    def _thinking(self, effort: str) -> Json:
        traits, model = self._traits, self._call.model
        if traits.has("thinking_level", model):
            level = LEVELS.get(effort, "HIGH")
            if level == "MINIMAL" and traits.has("no_minimal", model):
                self._left_out(f"reasoning_effort {effort!r} for {model}, which thinks at level low at least")
                level = "LOW"
            return {"thinkingConfig": {"thinkingLevel": level}}
        if traits.has("thinking_budget", model):
            if effort == "none" and not traits.has("always_thinking", model):
                return {"thinkingConfig": {"thinkingBudget": 0}}
            return {"thinkingConfig": {"thinkingBudget": BUDGETS.get(effort, HIGH_BUDGET)}}
        self._left_out(f"reasoning_effort for {model}")
        return {}

    def _function(self, tool: Mapping[str, Any]) -> Json:
        function = table(tool.get("function"))
        if tool.get("type", "function") != "function":
            raise NotHere(
                f"a tool of type {tool.get('type')!r} is not supported by google",
                provider=PROVIDER,
                model=self._call.model,
                kind="unsupported",
            )
        if not (name := string(function.get("name"))):
            raise self._wrong("tools", "functions with a name", tool)
        declared: Json = {"name": name}
        if description := string(function.get("description")):
            declared["description"] = description
        if function.get("parameters"):
            declared["parametersJsonSchema"] = function["parameters"]
        return declared

    def _tool_choice(self, choice: str | Mapping[str, Any]) -> Json:
        if isinstance(choice, str) and choice in CHOICES:
            return {"mode": CHOICES[choice]}
        if isinstance(choice, Mapping) and (name := string(table(choice.get("function")).get("name"))):
            return {"mode": "ANY", "allowedFunctionNames": [name]}
        raise self._wrong("tool_choice", "none, auto, required or a function with its name", choice)

    def _wrong(self, key: str, expected: str, got: object) -> RequestError:
        return RequestError(f"{key}: expected {expected}, got {got!r}", provider=PROVIDER, model=self._call.model)
