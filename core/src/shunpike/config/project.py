"""The file of a working directory: it came with the folder, so that it says no more than the user trusts it to."""

from __future__ import annotations

import shlex
from pathlib import Path as FilePath

from shunpike.config.files import File
from shunpike.config.harmless import OwnersValues, is_harmless, may_hold
from shunpike.config.merge import Layer, Leaf, Origin, origin_of, walk
from shunpike.config.schema import Path, typed
from shunpike.config.trust import TrustStore
from shunpike.errors import ConfigError
from shunpike.types.base import Record

SHOWN = 20
"""Settings that a warning names at most."""
LONGEST = 200
"""Letters of a name that it shows at most."""


class Ignored(Record):
    """What a project's file says in vain: it needs trust, and has none."""

    file: FilePath
    settings: tuple[Origin, ...]
    changed: bool
    """Whether the file was trusted as it was before."""

    @property
    def text(self) -> str:
        """The warning: the file and the settings, never their values."""
        names = [_printable(one.key) for one in self.settings[:SHOWN]]
        more = f" and {len(self.settings) - SHOWN:,} more" if len(self.settings) > SHOWN else ""
        why = "has changed since it was trusted" if self.changed else "is not trusted"
        return f"{_printable(str(self.file))} {why}, so these settings in it are ignored: {', '.join(names)}{more}"

    @property
    def hint(self) -> str:
        """What to do about it."""
        here = self.file.parent == FilePath.cwd()
        folder = "" if here else f" {shlex.quote(str(self.file.parent))}"
        return f"to let them hold: shunpike trust{folder}   ·   to see them first: shunpike config show"


def sift(found: File, held: Layer) -> tuple[Layer, Ignored | None]:
    """Return what holds of a file that is not trusted, and what does not; ``held`` is what the owner's layers say.

    A setting that always needs trust is ignored whatever its value is. Raises `ConfigError` for unknown keys, and for
    wrong values of what may hold: who can't read a file can't know that it does not forbid something.
    """
    kept, dropped = _parted(found, held)
    if not dropped:
        return kept, None
    settings = tuple(origin_of(path, leaf) for path, leaf in dropped.items())
    return kept, Ignored(file=found.path, settings=settings, changed=TrustStore().get(found.path) is not None)


def _parted(found: File, held: Layer) -> tuple[Layer, Layer]:
    kept: Layer = {}
    dropped: Layer = {}
    where, without = str(found.path), OwnersValues(held)
    for path, value in walk(found.tree, where):
        leaf = _leaf(path, value, where)
        if leaf is not None and (leaf.value == without[path] or is_harmless(path, leaf.value, without)):
            kept[path] = leaf
        else:
            # What has the wrong form may be a key by mistake.
            dropped[path] = leaf or Leaf(value="(not valid)", origin=where)
    # A section of theirs that no plugin stands behind any more is no provider at all.
    nobodys = {path[1] for path in dropped if path[2:] == ("plugin",)} - {path[1] for path in held if len(path) > 1}
    for path in [path for path in kept if path[0] == "providers" and path[1] in nobodys]:
        dropped[path] = kept.pop(path)
    order = kept.get(("order",))
    if order is not None:
        # That such a name is of nobody here is no news.
        known = tuple(name for name in order.value if name not in nobodys)
        kept[("order",)] = order.model_copy(update={"value": known})
    return kept, dropped


def _leaf(path: Path, value: object, where: str) -> Leaf | None:
    try:
        return Leaf(value=typed(path, value, where, exact=True), origin=where)
    except ConfigError:
        if may_hold(path):
            raise
        return None


def _printable(text: str) -> str:
    """Return a stranger's word for a terminal: without what moves the cursor or turns the direction of writing."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"
