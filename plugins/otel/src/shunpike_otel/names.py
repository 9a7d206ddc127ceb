"""Every name that is sent: the semantic conventions for generative AI, and our own for what they don't have.

The conventions are still in development, so their names stand here alone. Read on 2026-11-29 from
``opentelemetry-semantic-conventions`` 0.66b2.
"""

from __future__ import annotations

OPERATION = "gen_ai.operation.name"
OPERATIONS = {"chat": "chat", "embedding": "embeddings"}
PROVIDER = "gen_ai.provider.name"
PROVIDERS = {"google": "gcp.gemini"}
"""Where the conventions call a provider otherwise than its section here."""
REQUEST_MODEL = "gen_ai.request.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
TOKEN_TYPE = "gen_ai.token.type"
ERROR = "error.type"
STATUS = "http.response.status_code"
"""Not of the conventions for generative AI, but of those for HTTP."""

REQUEST_ID = "shunpike.request.id"
ATTEMPT_ID = "shunpike.attempt.id"
ATTEMPTS = "shunpike.attempts"
CANDIDATES = "shunpike.candidates"
COST = "shunpike.cost_usd"
PRIORITY = "shunpike.priority"
STATE = "shunpike.ledger.state"
TAG = "shunpike.tag"

DURATION = "gen_ai.client.operation.duration"
FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"
TOKENS = "gen_ai.client.token.usage"
SPENT = "shunpike.cost"
DENIALS = "shunpike.admission.denials"
BLOCKS = "shunpike.blocks"

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""The bounds of the buckets of seconds that the conventions recommend."""
COUNTS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""The bounds of the buckets of tokens that the conventions recommend."""
