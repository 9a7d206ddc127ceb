"""Files, environment, keys and arguments, merged into `Settings` with the origin of every value."""
