"""The dialects of the seven providers and of the sandbox's own, each with its own words for every answer and error."""
