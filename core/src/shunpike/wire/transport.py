"""What carries requests: a pool of connections, and the certificates by which it knows whom it talks to."""

from __future__ import annotations

import asyncio
import errno
import importlib
import os
import re
import ssl
from functools import lru_cache
from pathlib import Path
from typing import cast

import anyio

from shunpike.errors import ConfigError
from shunpike.wire.slim_httpx import httpx

KEPT = 30.0
"""Seconds that an idle connection is kept for the next call."""
CERT_FILE, CERT_DIR, KEY_LOG = "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"
"""The variables that the TLS library reads, for all programs alike."""
SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors of a machine that has no more files or memory to give: nothing in the configuration is wrong."""
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
"""How files are called in a folder of certificates that the TLS library can search."""


def open_transport(*, secure: bool) -> httpx.AsyncBaseTransport:
    """Return a transport with a pool of its own: over aiohttp on asyncio where that is installed, else httpx's.

    Raises what `tls_context` raises where it is to be ``secure``.
    """
    context = tls_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:  # this is asyncio, not trio
        try:
            # Imported here because it is optional and slow to import.
            fast = importlib.import_module("httpx_aiohttp")
        except ImportError:
            pass
        else:
            # Here 0 means without bound, and None a hundred.
            limits = httpx.Limits(max_connections=0, keepalive_expiry=KEPT)
            return cast("httpx.AsyncBaseTransport", fast.AiohttpTransport(verify=context, limits=limits))
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=KEPT)
    return httpx.AsyncHTTPTransport(verify=context, limits=limits)


def fetches_late(transport: httpx.AsyncBaseTransport) -> bool:
    """Whether ``transport`` fetches the body of a request when it is connected, and not before.

    Both kinds that `open_transport` returns do. What is made of them may look at the content of a request first.
    """
    kind = type(transport)
    fast = (kind.__module__.partition(".")[0], kind.__name__) == ("httpx_aiohttp", "AiohttpTransport")
    return fast or kind is httpx.AsyncHTTPTransport


def tls_context() -> ssl.SSLContext:
    """Return the context that all transports share: reading the certificates takes tens of milliseconds.

    Raises `ConfigError` naming the variable and the file that can't be used, and `OSError` where the machine has no
    more files to give.
    """
    return _context(os.environ.get(CERT_FILE), os.environ.get(CERT_DIR), os.environ.get(KEY_LOG))


@lru_cache(maxsize=4)
def _context(file: str | None, folder: str | None, key_log: str | None) -> ssl.SSLContext:
    if folder and not file:
        # Told here, since the TLS library passes over a folder that is not there, and then trusts nobody.
        _check_folder(folder)
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        if error.errno in SCARCE:
            raise
        if key_log and error.filename == key_log:
            raise _named(KEY_LOG, key_log, "can't be written to", error, "unset it, or name a file") from error
        if file:
            raise _named(CERT_FILE, file, "can't be used", error, "name a file of certificates in PEM form") from error
        raise ConfigError(
            f"the certificates of the package certifi can't be read: {_why(error)}",
            hint=f"install it again (pip install --force-reinstall certifi), or name a file in {CERT_FILE}",
        ) from error


def _check_folder(folder: str) -> None:
    folders, problem = [Path(one) for one in folder.split(os.pathsep) if Path(one).is_dir()], None
    try:
        hashed = any(_HASHED.fullmatch(file.name) for one in folders for file in one.iterdir())
    except OSError as error:
        raise _named(CERT_DIR, folder, "can't be read", error, "name a folder of certificates") from error
    if not folders:
        problem = "is no folder"
    elif not hashed:
        problem = "holds no certificate that can be found: their names must be hashes"
    if problem is not None:
        raise ConfigError(
            f"the variable {CERT_DIR} names {folder!r}, which {problem}",
            hint=f"name a folder that was prepared with: openssl rehash   ·   or a file, in {CERT_FILE}",
        )


def _named(variable: str, value: str, what: str, error: OSError, hint: str) -> ConfigError:
    return ConfigError(f"the variable {variable} names {value!r}, which {what}: {_why(error)}", hint=hint)


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"it holds no certificate ({error.reason or error})"
    return error.strerror or str(error) or type(error).__name__
