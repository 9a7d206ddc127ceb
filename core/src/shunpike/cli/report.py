"""Errors for a person (error, blank, hint) or a program (JSON on stderr), and the exit code that goes with each."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shunpike.cli.terminal import safe
from shunpike.errors import ConfigWarning
from shunpike.openai_format import (
    CONFIGURATION,
    CREDENTIAL,
    FAILED,
    INVALID,
    QUOTA,
    error_body,
    error_texts,
    error_type,
)

_CODES = {INVALID: 2, CONFIGURATION: 3, CREDENTIAL: 4, QUOTA: 5, FAILED: 6}


def exit_code(error: Exception) -> int:
    """Return the documented exit code of ``error``."""
    return _CODES.get(error_type(error), 1)


def report(error: Exception, *, as_json: bool) -> int:
    """Write ``error`` to stderr; return the exit code."""
    code = exit_code(error)
    message, hint = error_texts(error)
    if as_json:
        told = {**error_body(error), "exit_code": code}
        sys.stderr.write(json.dumps({"error": told}, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"error: {safe(message)}\n")
        if hint:
            sys.stderr.write(f"\nhint: {safe(hint)}\n")
        if request_id := getattr(error, "request_id", None):
            sys.stderr.write(f"request {request_id}\n")
    sys.stderr.flush()
    return code


@contextmanager
def warnings_told(*, as_json: bool) -> Iterator[None]:
    """Write what is odd in the configuration to stderr, as a line for a person or one of JSON, once for each thing."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ConfigWarning)
        others = warnings.showwarning

        def show(message: Warning | str, *place: Any, **more: Any) -> None:
            if not isinstance(message, ConfigWarning):
                others(message, *place, **more)
            elif as_json:
                told = {"message": str(message), "type": "configuration_warning"}
                sys.stderr.write(json.dumps({"warning": told}, ensure_ascii=False) + "\n")
            else:
                sys.stderr.write(f"warning: {message}\n")

        warnings.showwarning = show
        yield
