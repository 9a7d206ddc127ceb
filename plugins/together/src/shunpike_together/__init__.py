"""Together AI for shunpike."""

from shunpike.wire.compatible import OpenAICompatible

plugin = OpenAICompatible.of_package(__name__)
