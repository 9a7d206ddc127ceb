"""From a request to the list of targets, and through it."""
