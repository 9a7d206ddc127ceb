"""Files, environment and arguments merged into `Settings`, with the origin of every value; and where keys are kept."""

from shunpike.config.admin_key import admin_key
from shunpike.config.files import read
from shunpike.config.keys import KeyStore, ResolvedKey, clean_key, resolve_key, tail
from shunpike.config.literals import without_password
from shunpike.config.load import Loaded, load, needing_trust
from shunpike.config.merge import Origin
from shunpike.config.places import default_store, keys_file, project_file, user_file
from shunpike.config.project import Ignored
from shunpike.config.trust import Trusted, TrustStore, place_of

__all__ = [
    "Ignored",
    "KeyStore",
    "Loaded",
    "Origin",
    "ResolvedKey",
    "TrustStore",
    "Trusted",
    "admin_key",
    "clean_key",
    "default_store",
    "keys_file",
    "load",
    "needing_trust",
    "place_of",
    "project_file",
    "read",
    "resolve_key",
    "tail",
    "user_file",
    "without_password",
]
