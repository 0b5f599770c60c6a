"""What a request to the API server can end in, besides an answer.

ClusterFailure
  Unreachable     no connection, no answer; for a write: outcome unknown
  Unauthorized    401
  Forbidden       403
  Unforwardable   no connection can be made through the API server to a port of that pod
  Conflict        409: somebody wrote since, or server-side apply met another manager
  Denied          admission refused (4xx with a webhook's or policy's message)
  Invalid         400, 415, 422
  Expired         410
  ServerTrouble   429 and 5xx after the retries; for a write: outcome unknown
"""

from __future__ import annotations


class ClusterFailure(Exception):
    """A request failed. ``message`` is for people, already free of control characters.

    Attributes:
        status: HTTP status, 0 when there was none.
        reason: Reason of the Status object, such as ``Conflict``.
        request: ``GET /api/v1/namespaces``.
    """

    ambiguous = False
    """True when a write may or may not have happened."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", request: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.request = request


class Unreachable(ClusterFailure):
    """No answer came."""

    ambiguous = True


class Unauthorized(ClusterFailure):
    """The credentials were not accepted."""


class Forbidden(ClusterFailure):
    """RBAC or an authoriser said no."""


class Unforwardable(ClusterFailure):
    """Nothing on the way can forward a connection to the pod, and asking again would not change that.

    There is no kubelet, or something in between does not let WebSockets through.
    """


class Conflict(ClusterFailure):
    """Somebody else wrote, or owns the field."""


class Denied(ClusterFailure):
    """An admission webhook or policy refused, or could not be called."""


class Invalid(ClusterFailure):
    """The server cannot accept this request as it is."""


class Expired(ClusterFailure):
    """The list or watch is too old."""


class ServerTrouble(ClusterFailure):
    """The server is overloaded or failing."""

    ambiguous = True
