"""The dialects of the seven providers and of the house, each with its own words for every answer and error."""
