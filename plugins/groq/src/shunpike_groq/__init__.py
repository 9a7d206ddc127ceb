"""Groq for shunpike."""

from shunpike.wire.compatible import OpenAICompatible
from shunpike_groq.backend import GroqBackend

plugin = OpenAICompatible.of_package(__name__, GroqBackend)
