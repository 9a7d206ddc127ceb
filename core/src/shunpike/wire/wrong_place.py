"""Refusals that may be nobody's of the API: the address is the wrong one, or something in front of it answered."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from shunpike.errors import ProviderError
from shunpike.wire.error_body import Said
from shunpike.wire.unreadable import OTHER_ADDRESS

IN_FRONT = "is a proxy, a firewall or the network's login page in between? shunpike doctor"
"""What to look at where a web page refused, which is no API's."""
OF_A_PAGE = frozenset({404, 408, 413, 421, 424, 425, 429, 498, 499})
"""Statuses that hold whoever said them: of the address, the size, the pace or the waiting."""
WRONG_PLACE = frozenset({301, 302, 303, 307, 308, 404, 405})
"""Statuses that may mean that the address is not the one of an API."""
UNVERSIONED = ("/chat/completions", "/embeddings", "/models")
_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)


def locate(error: ProviderError, address: str) -> ProviderError:
    """Return ``error`` with the address that was asked, where it may be the wrong one."""
    if error.status in WRONG_PLACE:
        lost = error.kind == "not_found" and urlsplit(address).path in UNVERSIONED
        doubt = "; /v1 may be missing in base_url" if lost and not _MODEL.search(error.message) else ""
        error.args = (f"{error.message} (asked: {address}{doubt})",)
        error.hint = error.hint or (OTHER_ADDRESS if error.status < 400 else None)
    return error


def is_in_front(status: int | None, said: Said) -> bool:
    """Whether a web page refused that may say nothing of key, account or request. A 429 and a 5xx say what they say."""
    return said.page and status is not None and (status == 511 or (400 <= status < 500 and status not in OF_A_PAGE))
