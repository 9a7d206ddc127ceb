"""Google AI Studio for shunpike."""

from shunpike_google.plugin import GooglePlugin

plugin = GooglePlugin.of_package(__name__)
