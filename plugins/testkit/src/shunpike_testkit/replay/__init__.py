"""Plays recorded answers of providers to the plugins that must understand them."""
