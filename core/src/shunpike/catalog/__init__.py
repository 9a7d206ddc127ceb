"""Dated facts about providers and models, read from a ``provider.toml`` inside each provider's package."""

from shunpike.catalog.find import find, find_served, successor_of
from shunpike.catalog.load import Catalog, load_catalog
from shunpike.catalog.plugin import CatalogPlugin, catalog_age
from shunpike.catalog.prices import price_at

__all__ = [
    "Catalog",
    "CatalogPlugin",
    "catalog_age",
    "find",
    "find_served",
    "load_catalog",
    "price_at",
    "successor_of",
]
