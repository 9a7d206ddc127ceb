"""All laws for a provider, to inherit.

from shunpike_acme import plugin
from shunpike_testkit.provider_contract import ProviderContract

class TestAcme(ProviderContract):
plugin = plugin
"""

from __future__ import annotations

from typing import Any

from shunpike_testkit.hygiene import PluginHygiene, entry_point_of
from shunpike_testkit.provider_contract.answers import AnswerLaws
from shunpike_testkit.provider_contract.connections import ConnectionLaws
from shunpike_testkit.provider_contract.failures import FailureLaws
from shunpike_testkit.provider_contract.identity import IdentityLaws
from shunpike_testkit.provider_contract.options import OptionLaws
from shunpike_testkit.provider_contract.secrets import SecretLaws
from shunpike_testkit.provider_contract.streams import StreamLaws


class ProviderContract(
    IdentityLaws,
    AnswerLaws,
    StreamLaws,
    OptionLaws,
    FailureLaws,
    SecretLaws,
    ConnectionLaws,
    PluginHygiene,
):
    """Set ``plugin``; where the provider does not talk like OpenAI, set ``wire`` too. The other knobs are optional."""

    @classmethod
    def conformance_subject(cls) -> dict[str, Any]:
        """Return whom the results are about, for ``--conformance-json``."""
        point = entry_point_of(cls.plugin)
        dist = point.dist if point is not None else None
        return {
            "provider": cls().info.id,
            "distribution": dist.name if dist is not None else None,
            "version": dist.version if dist is not None else None,
        }
