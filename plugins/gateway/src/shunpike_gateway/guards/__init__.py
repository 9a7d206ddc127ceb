"""What stands before a request is read: by which name it may be called, from which page, and when its turn is."""

from shunpike_gateway.guards.admission import RequestQueue
from shunpike_gateway.guards.hosts import HostCheck
from shunpike_gateway.guards.origins import OriginCheck

__all__ = ["HostCheck", "OriginCheck", "RequestQueue"]
