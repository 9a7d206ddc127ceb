"""OpenAI for shunpike."""

from shunpike_openai.plugin import OpenAI

plugin = OpenAI.of_package(__name__)
