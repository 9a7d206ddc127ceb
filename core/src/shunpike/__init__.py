"""LLM answers from many providers, free tiers first, never a surprise limit or bill."""
