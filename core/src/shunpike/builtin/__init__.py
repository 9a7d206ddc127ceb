"""The core's own strategies and stores, registered through the same hooks as strangers."""
