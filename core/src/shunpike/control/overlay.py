"""Settings with what an operator changed laid over them."""

from __future__ import annotations

from typing import Any

from shunpike.clock import moment
from shunpike.types.control import Controls, ControlSetting, Override, Subject
from shunpike.types.settings import ProviderSettings, Settings


def overlaid(settings: Settings, controls: Controls) -> Settings:
    """Return ``settings`` with the overrides in force; the same object where there are none.

    Switches are not among them: whoever is switched off is told of with who did it, see `Controls.switched_off`.
    """
    everything: dict[str, Any] = {}
    sections = dict(settings.providers)
    for one in controls.overrides:
        if one.setting is ControlSetting.ENABLED:
            continue
        if one.subject is Subject.EVERYTHING:
            everything[one.setting.value] = one.typed
        elif one.subject is Subject.ACCOUNT:
            section = sections.get(one.name, ProviderSettings())
            sections[one.name] = section.model_copy(update={one.setting.value: one.typed})
    if sections != settings.providers:
        everything["providers"] = sections
    return settings.model_copy(update=everything) if everything else settings


def why_off(switch: Override) -> str:
    """Return who switched it off, when and why, and how to undo it, for a person."""
    at = f"{moment(switch.signed.at).astimezone():%Y-%m-%d %H:%M}"
    because = f" ({switch.signed.why})" if switch.signed.why else ""
    return f"disabled by {switch.signed.who}, {at}{because}; enable it with: shunpike providers enable {switch.name}"
