"""An address may hold a password: it is used, and shown nowhere."""

from __future__ import annotations

import pickle
import subprocess
import sys
from urllib.parse import quote

import psycopg
import pytest
from psycopg import errors

from shunpike.errors import ConfigError, StoreError
from shunpike.plugins import Host
from shunpike_postgres import plugin
from shunpike_postgres.address import Address
from shunpike_postgres.connection import said
from shunpike_postgres.store import PostgresStore

SECRET = "hunter22SECRET"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://me:{SECRET}@db.test:5433/ledger", "postgresql://me@db.test:5433/ledger"),
        (f"postgres://me@db.test/ledger?password={SECRET}", "postgresql://me@db.test/ledger"),
        ("postgresql:///ledger", "postgresql:///ledger"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    address = Address(url)
    assert str(address) == shown
    assert SECRET not in f"{address!r}{address}"
    assert address.conninfo == url


@pytest.mark.parametrize("url", [f"postgresql://me:{SECRET}@[db.test/x", f"postgresql://db.test/x?{SECRET}=1"])
def test_an_address_that_is_none_is_rejected_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match="no PostgreSQL address") as caught:
        PostgresStore(url)
    assert SECRET not in f"{caught.value!r}{caught.value.hint}{caught.value.__cause__!r}{caught.value.__context__!r}"


@pytest.mark.parametrize(
    "password",
    [f"hunt/{SECRET}", f"/{SECRET}", f"{SECRET}/", f"a@b/{SECRET}", f"{SECRET}@x", f"1/{SECRET}", f"5#/{SECRET}"],
)
@pytest.mark.parametrize("place", ["db.test/ledger", "/ledger", "db.test:5432/ledger?sslmode=require"])
def test_a_password_that_is_not_written_in_percent_codes_is_not_taken_for_something_else(
    password: str, place: str
) -> None:
    """The library would take a chunk of it for the host, the port or the database, and so would who shows them."""
    with pytest.raises(ConfigError) as caught:
        PostgresStore(f"postgresql://me:{password}@{place}")
    assert SECRET not in f"{caught.value!r}{caught.value.hint}{caught.value.__cause__!r}{caught.value.__context__!r}"
    assert "percent code" in str(caught.value.hint)
    quoted = Address(f"postgresql://me:{quote(password, safe='')}@{place}")
    assert SECRET not in f"{quoted!r}{quoted}"


@pytest.mark.parametrize("url", ["postgresql://me@db.test/ledger", "postgres://me@db.test/ledger"])
def test_the_plugin_opens_its_own_addresses_only(url: str) -> None:
    """Nothing is reached for by opening."""
    host = Host()
    host.register(plugin, "postgres")
    assert isinstance(host.store(url), PostgresStore)
    assert host.store("sqlite:/x.db") is None


def test_the_library_is_loaded_only_where_the_ledger_is_kept_there() -> None:
    """Every command loads what is installed: this one must not make them slower."""
    script = (
        "import sys; from shunpike.plugins import Host; Host.load().store('memory:'); print('psycopg' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        (
            psycopg.OperationalError(f'{SECRET} failed: FATAL:  role "me" does not exist'),
            'can\'t be reached: role "me" does not exist',
            "psql postgresql://me@db.test",
        ),
        (errors.InsufficientPrivilege(SECRET), "does not allow this user", "grant CREATE"),
        (errors.DiskFull(SECRET), "disk is full", "free some space"),
        (psycopg.OperationalError(SECRET), "can't be reached", "pg_isready"),
        (errors.CheckViolation(SECRET), "failed (23514)", "doctor"),
        (OSError(SECRET), "can't be reached", "pg_isready"),
    ],
)
def test_what_is_wrong_is_said_with_the_next_step_and_never_in_the_librarys_words(
    error: Exception, words: str, hint: str
) -> None:
    told = said(Address(f"postgresql://me:{SECRET}@db.test/ledger"), error)
    assert isinstance(told, StoreError)
    assert words in told.message
    assert hint in str(told.hint)
    assert "me@db.test" in told.message
    assert SECRET not in f"{told!r}{told.hint}{pickle.dumps(told)!r}"
