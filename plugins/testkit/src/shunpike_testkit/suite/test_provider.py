"""Collected as one class for each ``--provider``; the conftest beside this makes them."""

from shunpike_testkit.provider_contract import ProviderContract

__all__ = ["ProviderContract"]
