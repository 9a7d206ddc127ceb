"""Sets what a model thought apart from what it answered, and JSON from its fence."""
