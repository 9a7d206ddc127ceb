"""How the gateway listens and answers: the table ``[gateway]`` of the settings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic.config import JsonDict

from shunpike.durations import span
from shunpike.types.base import Record
from shunpike.types.written import Written

_NO_UNIT: JsonDict = {"unit": "-"}
_SECONDS: JsonDict = {"unit": "seconds"}
_BYTES: JsonDict = {"unit": "bytes"}
SPANS = ("header_timeout", "body_timeout", "drain", "commit_after", "keep_alive", "max_wait", "replay_memory")
"""Settings that are lengths of time: seconds, or a span such as ``5m``."""


class GatewaySettings(Written, Record):
    """What ``shunpike serve`` goes by."""

    host: str = Field(default="127.0.0.1", min_length=1, examples=["0.0.0.0"], json_schema_extra=_NO_UNIT)  # noqa: S104
    """The address that is listened on. Any other than this machine's own needs a client key. SIGHUP does not change
    it."""
    port: int = Field(default=8484, ge=0, le=65535, examples=[8080], json_schema_extra={"unit": "port"})
    """The port that is listened on; 0 takes a free one. SIGHUP does not change it."""
    workers: int = Field(default=1, ge=1, le=256, examples=[4], json_schema_extra={"unit": "processes"})
    """How many processes answer. They share one store, so more than one can't keep it in memory. SIGHUP does not
    change it."""
    origins: tuple[str, ...] = Field(
        default=(), examples=[["https://app.example"]], json_schema_extra={"unit": "addresses"}
    )
    """Web pages that may ask from a browser, by scheme, host and port; ``*`` = any. Without, no page may."""
    hosts: tuple[str, ...] = Field(default=(), examples=[["llm.example"]], json_schema_extra={"unit": "names"})
    """Names by which it may be called beside those of the address that it listens on; ``*`` = any. A request that
    calls it by another name is rejected."""
    max_body: int = Field(default=64 * 1024 * 1024, ge=1024, examples=[10485760], json_schema_extra=_BYTES)
    """The largest body of a request, as it comes and after it was unpacked."""
    header_timeout: float = Field(default=10.0, gt=0, examples=[5], json_schema_extra=_SECONDS)
    """Seconds in which the headers of a request must have come; or a span such as "5s"."""
    body_timeout: float = Field(default=10.0, gt=0, examples=[30], json_schema_extra=_SECONDS)
    """Seconds in which a body must have come, and one more for each 64 KiB of it."""
    connections: int = Field(default=1000, ge=1, examples=[100], json_schema_extra={"unit": "connections"})
    """How many connections each process keeps open; what comes above is answered with 503."""
    concurrency: int = Field(default=256, ge=1, examples=[64], json_schema_extra={"unit": "requests"})
    """How many requests each process answers at once."""
    queue: int = Field(default=512, ge=0, examples=[100], json_schema_extra={"unit": "requests"})
    """How many requests may wait for their turn in each process; what comes above is answered with 503."""
    drain: float = Field(default=30.0, gt=0, examples=[10], json_schema_extra=_SECONDS)
    """Seconds that running requests may take when the server is told to end."""
    commit_after: float = Field(default=10.0, gt=0, examples=[5], json_schema_extra=_SECONDS)
    """Seconds without content after which a stream begins, so that its client does not give up."""
    keep_alive: float = Field(default=15.0, gt=0, examples=[20], json_schema_extra=_SECONDS)
    """Seconds of silence after which a stream that has begun says that it is alive."""
    max_wait: float = Field(default=20.0, gt=0, examples=[60], json_schema_extra=_SECONDS)
    """Seconds that a request waits at most for a limit that opens; where it takes longer, the client is told when."""
    replay_memory: float = Field(default=1800.0, gt=0, examples=["1h"], json_schema_extra=_SECONDS)
    """Seconds for which it is remembered what clients drop when they send an answer back, such as its reasoning."""
    store_responses: bool = Field(default=False, examples=[True], json_schema_extra=_NO_UNIT)
    """Whether answers of the Responses API are kept, so that ``previous_response_id`` can name them: for a day, in
    memory, where one process answers. With several ``workers`` none is kept."""
    admin: bool | None = Field(default=None, examples=[False], json_schema_extra=_NO_UNIT)
    """Whether there is an admin API; None = on this machine's own address, or where an admin key is set."""
    metrics: Literal["admin", "client", "open"] = Field(default="admin", examples=["open"], json_schema_extra=_NO_UNIT)
    """Who may read ``/metrics``: who has the admin key, who has a client key, or anybody. They tell what everybody
    together used and spent."""

    @field_validator(*SPANS, mode="before")
    @classmethod
    def _spanned(cls, value: Any) -> Any:
        return span(value) if isinstance(value, str) else value
