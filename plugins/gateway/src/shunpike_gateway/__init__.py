"""The gateway: OpenAI's and Anthropic's APIs over the router, as an HTTP server."""
