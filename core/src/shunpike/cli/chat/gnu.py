"""An editor on the system's own readline, for where prompt_toolkit is not installed."""

from __future__ import annotations

import readline
from contextlib import redirect_stdout

from shunpike.cli.chat.completion import Completer
from shunpike.cli.chat.history import History
from shunpike.cli.chat.several_lines import whole
from shunpike.cli.output import data

PROMPT, MORE = "> ", "... "
_SETTINGS = (
    "tab: complete",
    "set enable-bracketed-paste on",
    "set completion-ignore-case off",
    r'"\e\C-m": "\C-v\C-j"',  # Alt-Enter: a line break, quoted
)


class ReadlineLines:
    """Reads messages with readline."""

    def __init__(self, history: History, completer: Completer) -> None:
        self._history = history
        self._completer = completer
        self._offered: list[str] = []
        readline.set_auto_history(False)
        readline.set_completer_delims(" ")
        readline.set_completer(self._offer)
        for setting in _SETTINGS:
            readline.parse_and_bind(setting)
        if "libedit" in (readline.__doc__ or ""):
            readline.parse_and_bind("bind ^I rl_complete")
        for entry in history.entries:
            readline.add_history(entry)

    def read(self) -> str | None:
        """Return the next message; None at the end. Raises `KeyboardInterrupt` on Ctrl-C."""
        message = whole(self._line)
        if message is not None and message.strip():
            before = len(self._history.entries)
            self._history.add(message)
            for entry in self._history.entries[before:]:
                readline.add_history(entry)
        return message

    def _line(self, more: bool) -> str | None:
        try:
            # Only on the real stdout does Python edit lines.
            with redirect_stdout(data()):
                return input(MORE if more else PROMPT)
        except EOFError:
            return None

    def _offer(self, _text: str, state: int) -> str | None:
        if state == 0:
            before = readline.get_line_buffer()[: readline.get_endidx()]
            self._offered = self._completer.candidates(before)
        return self._offered[state] if state < len(self._offered) else None
