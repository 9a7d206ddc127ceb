"""DeepSeek for shunpike."""

from shunpike.wire.compatible import OpenAICompatible
from shunpike_deepseek.backend import DeepSeekBackend

plugin = OpenAICompatible.of_package(__name__, DeepSeekBackend)
