"""Together AI for shunpike."""

from shunpike.wire.compatible import OpenAICompatible
from shunpike_together.backend import TogetherBackend

plugin = OpenAICompatible.of_package(__name__, TogetherBackend)
