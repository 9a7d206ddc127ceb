"""The Responses API, as OpenAI has it: bodies into requests of the core, answers and chunks into items and events."""

from shunpike_gateway.responses.dialect import ResponsesDialect
from shunpike_gateway.responses.endpoints import response_routes
from shunpike_gateway.responses.kept import KeptResponses

__all__ = ["KeptResponses", "ResponsesDialect", "response_routes"]
