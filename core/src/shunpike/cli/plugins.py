"""``shunpike plugins``."""

from __future__ import annotations

from shunpike.cli.options import Json, command_app
from shunpike.cli.output import NOTHING, as_list, kept_for_data, narrate, plain, say, table
from shunpike.config import load
from shunpike.plugins import Host

app = command_app("Show the plugins.")


@app.command()
def plugins(*, json: Json = False) -> None:
    """Show which plugins are loaded, and which are broken and why."""
    disabled = load().settings.disabled_plugins
    with kept_for_data():
        host = Host.load(disabled)
    if json:
        as_list(
            [
                *({**plain(one), "state": "loaded"} for one in host.loaded),
                *({**plain(one), "state": "broken"} for one in host.broken),
            ]
        )
        return
    rows = [
        (one.name, one.distribution, one.version, ", ".join(one.providers) or NOTHING, _hooks(one.hooks), "loaded")
        for one in host.loaded
    ]
    rows += [(one.name, one.distribution, one.version, NOTHING, NOTHING, "broken") for one in host.broken]
    say(table(("plugin", "package", "version", "providers", "hooks", "state"), rows))
    for one in host.broken:
        narrate(f"\n{one.name} ({one.distribution} {one.version}) is broken: {one.reason}")
    if disabled:
        narrate(f"\nswitched off by disabled_plugins: {', '.join(disabled)}")


def _hooks(names: tuple[str, ...]) -> str:
    return ", ".join(name.removeprefix("shunpike_") for name in names)
