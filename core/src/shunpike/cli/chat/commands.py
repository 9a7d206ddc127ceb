"""What begins with a slash: done here, not sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from shunpike.cli.attachments import attachment
from shunpike.cli.chat.talk import Talk
from shunpike.cli.conversation import transcript, write_new
from shunpike.cli.forms import did_you_mean, tokens
from shunpike.cli.output import narrate, safe, say
from shunpike.errors import UnknownModel, UsageError

Command = Callable[[Talk], bool]
"""Does it; False to leave."""
_COMMAND = re.compile(r"/([a-z?]+)(?:\s+(.*))?", re.DOTALL)
_NONE = "-"
"""What takes a system message away."""

HELP = """\
/model [REF]     show the model, or ask another from now on
/system [TEXT]   show how to answer, or say it; - takes it away
/attach FILE     send an image or a text with the next message
/retry           send the last message again
/clear           begin anew; what was said stays in its file
/save [FILE]     write what was said to a file (Markdown)
/usage           show what this session used and cost
/help            show this
/quit            leave, as Ctrl-D does

Enter sends. Alt-Enter breaks the line, as does \\ at its end;
\"\"\" begins and ends a message of several lines.
A paste of many lines is one message.
//text sends what begins with a slash.
Arrow up brings back what was typed, Ctrl-R searches it.
Tab completes commands, models and files.
Ctrl-C stops an answer and keeps what was said of it;
at the prompt it clears the line.
Everything else that shunpike can do: shunpike --help"""


def command_of(text: str) -> Command | None:
    """Return the command that ``text`` is, None where it is a message. Raises `UsageError` with the nearest name.

    ``//text`` is a message, and so is what only looks like one: a path, a comment.
    """
    found = _COMMAND.fullmatch(text.strip())
    if found is None:
        return None
    name, rest = found[1], (found[2] or "").strip()
    if name not in _COMMANDS:
        known = [f"/{one}" for one in _COMMANDS]
        raise UsageError(
            f'there is no command "/{name}"{did_you_mean(f"/{name}", known)}',
            hint=f"/help lists them   ·   to send it as a message: //{name}",
        )
    command, takes = _COMMANDS[name]
    if rest and not takes:
        raise UsageError(f'/{name} takes nothing, got "{rest}"', hint="/help")
    return partial(command, rest=rest) if takes else command


def _help(_talk: Talk) -> bool:
    say(HELP)
    return True


def _quit(_talk: Talk) -> bool:
    return False


def _model(talk: Talk, rest: str) -> bool:
    if rest:
        _check_model(talk, rest)
        talk.conversation.model = rest
    narrate(f"model: {talk.conversation.model or 'auto'}", dim=True)
    return True


def _check_model(talk: Talk, name: str) -> None:
    """Raise `UnknownModel` for what nobody offers; custom endpoints are asked what they have."""
    if name in talk.model_names():
        return
    talk.portal.call(talk.client.discover)
    known = talk.model_names()
    if name not in known:
        raise UnknownModel(f'there is no model "{name}"{did_you_mean(name, known)}', hint="list them: shunpike models")


def _system(talk: Talk, rest: str) -> bool:
    if rest:
        talk.conversation.system = None if rest == _NONE else rest
    narrate(f"system: {safe(talk.conversation.system or _NONE)}", dim=True)
    return True


def _attach(talk: Talk, rest: str) -> bool:
    if not rest:
        raise UsageError("/attach takes a file", hint="/attach FILE")
    talk.attachments.append(attachment(rest, "/attach"))
    narrate(f"{rest} goes with the next message", dim=True)
    return True


def _retry(talk: Talk) -> bool:
    if not talk.again():
        narrate("nothing was said yet", dim=True)
    return True


def _clear(talk: Talk) -> bool:
    talk.conversation.clear()
    talk.attachments.clear()
    talk.unanswered = None
    narrate("begun anew", dim=True)
    return True


def _save(talk: Talk, rest: str) -> bool:
    if not talk.conversation.messages:
        narrate("nothing was said yet", dim=True)
        return True
    file = Path(rest or talk.conversation.name).expanduser()
    try:
        write_new(file, transcript(talk.conversation.messages))
    except FileExistsError:
        raise UsageError(f"{file} is there already", hint="name another file: /save FILE") from None
    narrate(f"saved in {file}", dim=True)
    return True


def _usage(talk: Talk) -> bool:
    if not talk.done:
        narrate("nothing was used yet", dim=True)
        return True
    total, cost = talk.done[0].usage, talk.done[0].cost
    for one in talk.done[1:]:
        total, cost = total + one.usage, cost + one.cost
    say(f"{len(talk.done)} answer{'' if len(talk.done) == 1 else 's'} · {tokens(total)} · {cost}")
    return True


_COMMANDS: dict[str, tuple[Callable[..., bool], bool]] = {
    "help": (_help, False),
    "model": (_model, True),
    "system": (_system, True),
    "attach": (_attach, True),
    "retry": (_retry, False),
    "clear": (_clear, False),
    "new": (_clear, False),
    "save": (_save, True),
    "usage": (_usage, False),
    "quit": (_quit, False),
    "exit": (_quit, False),
    "q": (_quit, False),
    "?": (_help, False),
}
"""Name → what does it, and whether it takes a ``rest`` behind its name."""
OFFERED = tuple(sorted(f"/{name}" for name in _COMMANDS if name not in ("new", "exit", "q", "?")))
"""What Tab offers: one name of each."""
