"""The contract that every provider is held against, and how an upstream's dialect is described for it."""

from shunpike_testkit.provider_contract.contract import ProviderContract
from shunpike_testkit.provider_contract.wires import ChatCompletions, Wire, event

__all__ = ["ChatCompletions", "ProviderContract", "Wire", "event"]
