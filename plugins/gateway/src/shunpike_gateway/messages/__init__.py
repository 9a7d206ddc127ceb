"""Anthropic's Messages API over the same router: bodies, answers, events, and counting tokens."""

from shunpike_gateway.messages.dialect import MessagesDialect as MessagesDialect
