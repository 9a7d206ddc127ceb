"""What stands before a request is read: by which name it may be called, from which page, and when its turn is."""

from shunpike_gateway.guards.admission import RequestQueue
from shunpike_gateway.guards.hosts import HostCheck, is_local
from shunpike_gateway.guards.origins import OriginCheck, is_from_another_site

__all__ = ["HostCheck", "OriginCheck", "RequestQueue", "is_from_another_site", "is_local"]
