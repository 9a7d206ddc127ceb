"""OpenRouter for shunpike."""

from shunpike_openrouter.plugin import OpenRouter

plugin = OpenRouter.of_package(__name__)
