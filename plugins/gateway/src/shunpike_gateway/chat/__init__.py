"""Chat completions."""

from shunpike_gateway.chat.dialect import ChatDialect

__all__ = ["ChatDialect"]
