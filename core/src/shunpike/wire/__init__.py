"""Tools for authors of HTTP providers."""
