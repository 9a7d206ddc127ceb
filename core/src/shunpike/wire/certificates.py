"""By which certificates a server is known: those of certifi, or what the variables and the settings name."""

from __future__ import annotations

import errno
import os
import re
import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from shunpike.errors import ConfigError
from shunpike.wire.slim_httpx import httpx

CERT_FILE, CERT_DIR, KEY_LOG = "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"
"""The variables that the TLS library reads, for all programs alike."""
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The variables of other programs, which name a file or a folder; they count where those of the TLS library do not."""
SETTING = "ca_file"
SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors of a machine that has no more files or memory to give: nothing in the configuration is wrong."""
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
"""How files are called in a folder of certificates that the TLS library can search."""
NOT_YET_VALID, EXPIRED, OF_ANOTHER = 9, 10, (62, 64)
"""OpenSSL's numbers of what is wrong with a certificate: ``OF_ANOTHER`` name, or address."""


class TrustedAuthorities(NamedTuple):
    """Who is trusted. ``named`` is what a variable names, in place of certifi's; ``ca_file`` comes on top of either."""

    variable: str | None = None
    named: str = ""
    ca_file: str | None = None
    key_log: str | None = None

    @property
    def text(self) -> str:
        """What is in force, for a person."""
        own = f"{self.named} (the variable {self.variable})" if self.variable else "those of the package certifi"
        return own if self.ca_file is None else f"{own}, and {self.ca_file} (the setting {SETTING})"


def trusted(ca_file: str | None, environ: Mapping[str, str]) -> TrustedAuthorities:
    """Return who is trusted by these settings and variables; an empty variable counts as not set."""
    found = next((name for name in (CERT_FILE, CERT_DIR, *BUNDLES) if environ.get(name)), None)
    own = None if ca_file is None else str(Path(ca_file).expanduser())
    return TrustedAuthorities(found, environ.get(found or "", ""), own, environ.get(KEY_LOG) or None)


def tls_context(who: TrustedAuthorities | None = None) -> ssl.SSLContext:
    """Return the context that all transports share: reading the certificates takes tens of milliseconds.

    ``who`` defaults to what the process's own variables say. Raises `ConfigError` naming the variable or the setting
    and the file that can't be used, and `OSError` where the machine has no more files to give.
    """
    return _context(trusted(None, os.environ) if who is None else who)


@lru_cache(maxsize=8)
def _context(who: TrustedAuthorities) -> ssl.SSLContext:
    context = _base(who)
    if who.ca_file is not None:
        try:
            context.load_verify_locations(cafile=who.ca_file)
        except OSError as error:
            raise _unusable(f"the setting {SETTING}", who.ca_file, error) from error
    return context


def _base(who: TrustedAuthorities) -> ssl.SSLContext:
    folder = who.variable == CERT_DIR or (who.variable in BUNDLES and Path(who.named).is_dir())
    if folder:
        # Told here, since the TLS library passes over a folder that is not there, and then trusts nobody.
        _check_folder(who)
    try:
        if who.variable is None:
            return httpx.create_ssl_context()
        return ssl.create_default_context(cafile=None if folder else who.named, capath=who.named if folder else None)
    except OSError as error:
        if error.errno in SCARCE:
            raise
        if who.key_log and error.filename == who.key_log:
            raise ConfigError(
                f"the variable {KEY_LOG} names {who.key_log!r}, which can't be written to: {_why(error)}",
                hint="unset it, or name a file",
            ) from error
        if who.variable is not None:
            raise _unusable(f"the variable {who.variable}", who.named, error) from error
        raise ConfigError(
            f"the certificates of the package certifi can't be read: {_why(error)}",
            hint=f"install it again (pip install --force-reinstall certifi), or name a file in {CERT_FILE}",
        ) from error


def _check_folder(who: TrustedAuthorities) -> None:
    folders, problem = [Path(one) for one in who.named.split(os.pathsep) if Path(one).is_dir()], None
    where = f"the variable {who.variable} names {who.named!r}, which"
    try:
        hashed = any(_HASHED.fullmatch(file.name) for one in folders for file in one.iterdir())
    except OSError as error:
        raise ConfigError(f"{where} can't be read: {_why(error)}", hint="name a folder of certificates") from error
    if not folders:
        problem = "is no folder"
    elif not hashed:
        problem = "holds no certificate that can be found: their names must be hashes"
    if problem is not None:
        raise ConfigError(
            f"{where} {problem}",
            hint=f"name a folder that was prepared with: openssl rehash   ·   or a file, in {CERT_FILE}",
        )


def _unusable(source: str, file: str, error: OSError) -> ConfigError:
    if error.errno in SCARCE:
        raise error
    return ConfigError(
        f"{source} names {file!r}, which can't be used: {_why(error)}", hint="name a file of certificates in PEM form"
    )


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"it holds no certificate ({error.reason or error})"
    return error.strerror or str(error) or type(error).__name__


def rejection(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return the certificate's rejection that stands behind ``error``, if one does."""
    for _ in range(8):
        # aiohttp's own is of this kind too, but only the one that it carries says why.
        carried = getattr(error, "certificate_error", None)
        if error is None or (carried is None and isinstance(error, ssl.SSLCertVerificationError)):
            return error
        error = carried or error.__cause__ or error.__context__
    return None


def mend(error: ssl.SSLCertVerificationError) -> str:
    """Return what to do about a certificate that was rejected."""
    if error.verify_code in OF_ANOTHER:
        return "check the host in base_url: the certificate is somebody else's"
    if error.verify_code == NOT_YET_VALID:
        return "check the clock of this machine"
    if error.verify_code == EXPIRED:
        return "its owner must renew it   ·   or check the clock of this machine"
    return (
        f"if an authority of your own signs here (a company's proxy, a server at home), name its certificate: "
        f'{SETTING} = "/path/to/ca.pem", or the variable {CERT_FILE}'
    )
