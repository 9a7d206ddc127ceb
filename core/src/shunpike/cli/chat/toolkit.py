"""An editor on prompt_toolkit, which ``shunpike[chat]`` brings: the only module that imports it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.completion import Completer as ToolkitCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import is_searching
from prompt_toolkit.history import History as ToolkitHistory
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import create_output
from prompt_toolkit.shortcuts import CompleteStyle
from typing_extensions import override

from shunpike.cli.chat.completion import Completer
from shunpike.cli.chat.history import History
from shunpike.cli.chat.interrupts import OnInterrupt
from shunpike.cli.chat.several_lines import QUOTES, goes_on, is_open, unquoted
from shunpike.cli.ending import ended_by

PROMPT, MORE = "> ", "… "


class _Entries(ToolkitHistory):
    """Our history as prompt_toolkit reads it: from newer to older."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history

    @override
    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._history.entries)

    @override
    def store_string(self, string: str) -> None:
        self._history.add(unquoted(string))


class _Offers(ToolkitCompleter):
    def __init__(self, completer: Completer) -> None:
        self._completer = completer

    @override
    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        word = before.rpartition(" ")[2]
        for candidate in self._completer.candidates(before):
            yield Completion(candidate, start_position=-len(word))


class ToolkitLines:
    """Reads messages with prompt_toolkit; it writes to stderr, as stdout is for answers."""

    def __init__(self, history: History, completer: Completer) -> None:
        self._late = False
        """Whether Ctrl-C was pressed when the message was sent already."""
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            multiline=True,
            prompt_continuation=_margin,
            history=_Entries(history),
            completer=_Offers(completer),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            reserve_space_for_menu=0,
            enable_open_in_editor=True,
            enable_suspend=True,
            key_bindings=_keys(),
            output=create_output(stdout=sys.stderr),
        )

    def read(self) -> str | None:
        """Return the next message; None at the end. Raises `KeyboardInterrupt` on Ctrl-C."""
        try:
            # Ctrl-C is a key here. Pressed before the terminal gives keys, or sent from outside, it is a signal, which
            # prompt_toolkit must not be broken into by.
            with OnInterrupt(self._interrupt):
                message = unquoted(self._session.prompt(handle_sigint=False, pre_run=self._begin))
        except EOFError:
            return None
        ahead = get_typeahead(self._session.app.input)
        if self._late or any(one.key is Keys.ControlC for one in ahead):  # it was pressed at once behind Enter
            raise KeyboardInterrupt
        store_typeahead(self._session.app.input, ahead)
        return message

    def _begin(self) -> None:
        self._late = False
        if ended_by() is not None:
            self._leave()

    def _interrupt(self) -> None:
        loop = self._session.app.loop
        if self._session.app.is_running and loop is not None:
            loop.call_soon_threadsafe(self._leave)
        else:
            self._late = True

    def _leave(self) -> None:
        if self._session.app.is_running and not self._session.app.is_done:
            self._session.app.exit(exception=KeyboardInterrupt, style="class:aborting")
        else:
            self._late = True


def _margin(_width: int, _line: int, wrapped: int) -> str:
    """Return what stands before a row: nothing where a long line only goes on."""
    return "" if wrapped else MORE


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=~is_searching)
    def _send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_open(buffer.text):
            buffer.insert_text("\n")
        elif goes_on(buffer.document.text_before_cursor) and not buffer.text.lstrip().startswith(QUOTES):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _break(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
