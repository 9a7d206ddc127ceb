"""The parameters that most providers know, and what each may hold."""

from __future__ import annotations

from shunpike_sandbox.bodies import fields

COMMON_RULES = {
    "model": "string",
    "messages": "array",
    "frequency_penalty": "number -2..2",
    "logit_bias": "object",
    "logprobs": "boolean",
    "max_completion_tokens": "integer 1..",
    "max_tokens": "integer 1..",
    "n": "integer 1..128",
    "parallel_tool_calls": "boolean",
    "presence_penalty": "number -2..2",
    "response_format": "object",
    "seed": "integer",
    "stop": "string|array <=4",
    "stream": "boolean",
    "stream_options": "object",
    "temperature": "number 0..2",
    "tool_choice": "string|object",
    "tools": "array",
    "top_logprobs": "integer 0..20",
    "top_p": "number 0..1",
    "user": "string",
}
EMBEDDING_RULES = fields(
    {
        "model": "string",
        "input": "string|array <=2048",
        "encoding_format": "string {float,base64}",
        "dimensions": "integer 1..",
        "user": "string",
    }
)
