"""What switching a provider, an account or a model on or off changes: the same for the command line and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shunpike.errors import UnknownModel, UnknownProvider
from shunpike.types.control import Change, ControlSetting, Subject
from shunpike.validation import near

if TYPE_CHECKING:
    from shunpike.client.client import Client


def check_account(client: Client, name: str) -> None:
    """Raise `UnknownProvider` unless there is a provider or section ``name``."""
    accounts = client.runtime.snapshot.accounts
    if name not in accounts:
        raise UnknownProvider(
            f'there is no provider called "{name}"{near(name, accounts)}', hint="see: shunpike providers"
        )


def switches(client: Client, name: str, *, value: bool | None) -> list[Change]:
    """Return what is to be changed: a provider's id means all of its accounts, another section's name that one.

    ``value`` False switches off, None takes back whatever it was switched off by. Raises `UnknownProvider` and
    `UnknownModel` for what is not there.
    """
    account, slash, model = name.partition("/")
    check_account(client, account)
    known = client.runtime.snapshot.accounts[account]
    if slash:
        # A custom endpoint need not be there now: what its section lists is all that it is asked for.
        listed = [one.id for one in client.models() if one.provider == known.info.id]
        models = known.settings.models if known.own else listed
        if model not in models and (models or not known.own):
            raise UnknownModel(
                f'{account} has no model called "{model}"{near(model, models)}',
                hint=f"see: shunpike models -p {account}",
            )
        return [_switch(Subject.MODEL, name, value=value)]
    if known.info.id != account:
        return [_switch(Subject.ACCOUNT, account, value=value)]
    if value is None:  # Whatever it was switched off by.
        return [_switch(subject, account, value=None) for subject in (Subject.PROVIDER, Subject.ACCOUNT)]
    return [_switch(Subject.PROVIDER, account, value=value)]


def _switch(subject: Subject, name: str, *, value: bool | None) -> Change:
    return Change(subject=subject, name=name, setting=ControlSetting.ENABLED, value=value)
