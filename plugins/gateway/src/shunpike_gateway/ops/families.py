"""Every metric there is: its name, what it says, and what its series are told apart by, which is always bounded."""

from __future__ import annotations

from shunpike_gateway.ops.series import Family

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

HTTP_REQUESTS = "shunpike_http_requests_total"
HTTP_SECONDS = "shunpike_http_request_duration_seconds"
REQUESTS = "shunpike_requests_total"
REQUEST_SECONDS = "shunpike_request_duration_seconds"
WAITS = "shunpike_request_waits_total"
ATTEMPTS = "shunpike_attempts_total"
ATTEMPT_SECONDS = "shunpike_attempt_duration_seconds"
FIRST_TOKEN = "shunpike_attempt_first_token_seconds"
TOKENS = "shunpike_tokens_total"
COST = "shunpike_cost_dollars_total"
LIST_VALUE = "shunpike_list_value_dollars_total"
DENIALS = "shunpike_admission_denials_total"
BLOCKS = "shunpike_blocks_total"
RECOVERED = "shunpike_recovered_attempts_total"
PLUGIN_FAULTS = "shunpike_plugin_faults_total"
LAG = "shunpike_event_loop_lag_seconds"
RUNNING = "shunpike_http_requests_running"
QUEUED = "shunpike_http_requests_queued"
WORKERS = "shunpike_workers"
LIMIT = "shunpike_limit"
LIMIT_LEFT = "shunpike_limit_left"
STORE_UP = "shunpike_store_up"
CPU = "process_cpu_seconds_total"
MEMORY = "process_resident_memory_bytes"
FILES = "process_open_fds"

_MODEL = ("provider", "model")
_LIMIT = (*_MODEL, "limit")

COUNTED = (
    Family(HTTP_REQUESTS, "Requests over HTTP, by route and status; 499 = the client hung up.", "counter",
           ("method", "route", "status")),
    Family(HTTP_SECONDS, "Seconds until the end of the answer.", "histogram", ("route",), SECONDS),
    Family(REQUESTS, "Requests that were routed, by how they ended.", "counter", ("outcome",)),
    Family(REQUEST_SECONDS, "Seconds that they took, all attempts together.", "histogram", ("outcome",), SECONDS),
    Family(WAITS, "How often a request began to wait for something that was full or in trouble.", "counter", _MODEL),
    Family(ATTEMPTS, "What was sent to providers; the outcome is ok, or the kind of the failure.", "counter",
           (*_MODEL, "outcome")),
    Family(ATTEMPT_SECONDS, "Seconds that attempts took.", "histogram", _MODEL, SECONDS),
    Family(FIRST_TOKEN, "Seconds until the first content of a streamed answer.", "histogram", _MODEL, SECONDS),
    Family(TOKENS, "Tokens that providers counted; cached ones are of the input, reasoning of the output.", "counter",
           (*_MODEL, "kind")),
    Family(COST, "Dollars of money or of granted credit, as the ledger booked them.", "counter", _MODEL),
    Family(LIST_VALUE, "Dollars that the answers would have cost at list price, where it is known.", "counter", _MODEL),
    Family(DENIALS, "What was not sent, by what stood in the way.", "counter", ("provider", "by")),
    Family(BLOCKS, "What the end of an attempt blocked.", "counter", ("provider",)),
    Family(RECOVERED, "Attempts of processes that ended without booking them."),
    Family(PLUGIN_FAULTS, "What plugins did that their contract forbids, each once.", "counter", ("plugin",)),
    Family(LAG, "Seconds by which the event loop was late, looked at ten times a second.", "histogram", (), LAGS),
)  # fmt: skip
"""What is counted where it happens."""

LOOKED_AT = (
    Family(RUNNING, "Requests that are being answered.", "gauge"),
    Family(QUEUED, "Requests that wait for their turn.", "gauge"),
    Family(WORKERS, "Processes that answer.", "gauge"),
    Family(CPU, "Seconds of processor time, all workers together."),
    Family(MEMORY, "Resident memory, all workers together.", "gauge"),
    Family(FILES, "Open files and sockets, all workers together.", "gauge"),
)
"""What each process looks up of itself when it is asked."""

SHARED = (
    Family(STORE_UP, "Whether the ledger can be read.", "gauge"),
    Family(LIMIT, "What a limit grants in its window.", "gauge", _LIMIT),
    Family(LIMIT_LEFT, "What is left of it.", "gauge", _LIMIT),
)
"""What is the same in every process."""
