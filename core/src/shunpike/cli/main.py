"""The console script: finds the command, runs it, and turns every way to end into an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TextIO

import typer

from shunpike.cli.commands import COMMANDS, root
from shunpike.cli.dispatch import meant, stdin_is_piped, stdout_is_watched
from shunpike.cli.ending import end_tidily, ended_by
from shunpike.cli.reading import as_utf8
from shunpike.cli.report import report, warnings_told
from shunpike.errors import ShunpikeError, UsageError
from shunpike.validation import complaint

FAILED = 1
INTERRUPTED = 130
BY_SIGNAL = 128
"""Added to the number of a signal that ended us, as shells do."""
HANGUP = 1
"""The number of SIGHUP, which not every system has."""
LAST_WORDS = 0.2
"""Seconds that a thread may take to end, once all is done."""
_COMPLETION = "_SHUNPIKE_COMPLETE"


def main() -> NoReturn:
    """Run the command line and leave with the documented exit code."""
    end_tidily()
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without UTF-8 shows a question mark; it must not end the command. Files and pipes are UTF-8,
            # whatever the code page of the terminal: whoever reads them can't know it.
            stream.reconfigure(encoding=stream.encoding if stream.isatty() else "utf-8", errors="replace")
    _leave(run([as_utf8(argument) for argument in sys.argv[1:]]))


def _leave(code: int) -> NoReturn:
    """End this process with ``code``, also while the system still looks for a name in a thread that can't be ended."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(LAST_WORDS)
            if thread.is_alive():
                os._exit(_flushed(code))
    sys.exit(_flushed(code))


def _flushed(code: int) -> int:
    """Write what is still to be written; return the exit code, that of a failure where it can't be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or FAILED
            with suppress(OSError, ValueError):
                _throw_away(stream)
    return code


def _open_what_is_closed() -> None:
    """Put the null device in the place of a standard stream that is closed (``>&-``).

    Python says None for such a stream, and the next file that is opened, which may be the ledger, would get its number.
    Where a script that started us was that next file, the stream is there, and can't be written to.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None or (mode == "w" and not _is_writable(stream)):
            # The lowest number that is free: the stream's own.
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for as long as we live


def _is_writable(stream: TextIO) -> bool:
    try:
        os.write(stream.fileno(), b"")
    except OSError as error:
        return error.errno != errno.EBADF
    return True


def run(arguments: Sequence[str]) -> int:
    """Run ``arguments``; return the exit code. Errors go to stderr, as JSON where ``--json`` is among them."""
    if _COMPLETION in os.environ:
        root().main(args=list(arguments), prog_name="shunpike")
    try:
        return _told(arguments)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return _window_closed()


def _told(arguments: Sequence[str]) -> int:
    """Run ``arguments`` and tell what went wrong. Raises `OSError` where it can't be told."""
    as_json = "--json" in arguments
    try:
        with warnings_told(as_json=as_json):
            return _run(arguments)
    except KeyboardInterrupt:
        return _interrupted()
    except typer.Abort:
        return _interrupted()
    except BrokenPipeError:
        return _reader_left()
    except typer.TyperException as error:
        return report(_usage_error(error, arguments), as_json=as_json)
    except (ShunpikeError, OSError) as error:
        return report(error, as_json=as_json)


def _run(arguments: Sequence[str]) -> int:
    command, rest = meant(arguments, piped=stdin_is_piped(), watched=stdout_is_watched())
    name = "shunpike" if command is None else f"shunpike {arguments[0]}"
    chosen: Any = root() if command is None else command
    try:
        with chosen.make_context(name, list(rest), help_option_names=["-h", "--help"]) as context:
            chosen.invoke(context)
            sys.stdout.flush()
    except typer.Exit as leave:
        return leave.exit_code
    return 0


def _usage_error(error: typer.TyperException, arguments: Sequence[str]) -> UsageError:
    """Return what Typer complains about in our form, with the help of the command in question as the next step."""
    context = getattr(error, "ctx", None)  # not there where an option lacks its value
    typed = f"shunpike {arguments[0]}" if arguments and arguments[0] in COMMANDS else "shunpike"
    path = typed if context is None else context.command_path
    message = _wrong_value(error) or error.format_message().rstrip(".")
    return UsageError(message[:1].lower() + message[1:], hint=f"{path} --help")


def _wrong_value(error: typer.TyperException) -> str | None:
    """Return what is wrong with the value of an option, in the words that are used for all values; else None."""
    details = getattr(error.__cause__, "errors", None)
    parameter = getattr(error, "param", None)
    if details is None or parameter is None:
        return None
    first = details(include_url=False)[0]
    name = max(parameter.opts, key=len) if parameter.param_type_name == "option" else parameter.human_readable_name
    # What Typer itself says of a choice begins with the value.
    said = complaint(first).rstrip(".").partition(" is not one of ")
    wanted = f"must be one of {said[2]}" if said[2] else said[0]
    return f'{name} {wanted}, got "{first["input"]}"'


def _interrupted() -> int:
    # The cursor stands behind ^C or behind half an answer.
    sys.stderr.write("\n")
    number = ended_by()
    return INTERRUPTED if number is None else BY_SIGNAL + number


def _reader_left() -> int:
    """The reader of our output has seen enough (``| head``): nothing failed, and nothing more can be written."""
    _throw_away(sys.stdout)
    return 0


def _window_closed() -> int:
    """The terminal is gone, as after SIGHUP, whether or not that has come yet: nobody can be told anything."""
    for stream in (sys.stdout, sys.stderr):
        _throw_away(stream)
    return BY_SIGNAL + (ended_by() or HANGUP)


def _throw_away(stream: TextIO) -> None:
    """Lead to nowhere what is still to be written to ``stream``, as Python does at the end."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)
