"""Files, environment and arguments merged into `Settings`, with the origin of every value; and where keys are kept."""

from shunpike.config.keys import KeyStore, ResolvedKey, clean_key, resolve_key, tail
from shunpike.config.literals import without_password
from shunpike.config.load import Loaded, load
from shunpike.config.merge import Origin
from shunpike.config.places import default_store, keys_file, project_file, user_file

__all__ = [
    "KeyStore",
    "Loaded",
    "Origin",
    "ResolvedKey",
    "clean_key",
    "default_store",
    "keys_file",
    "load",
    "project_file",
    "resolve_key",
    "tail",
    "user_file",
    "without_password",
]
