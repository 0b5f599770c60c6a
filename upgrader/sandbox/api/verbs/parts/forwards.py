"""``pods/portforward``: who may, to which pod; what is said afterwards is the business of ``sandbox.forwarding``."""

from __future__ import annotations

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.wire import Forward, Inside, Response
from upgrader.sandbox.errors import ApiError, bad_request, not_found
from upgrader.sandbox.store import Obj

TUNNELS_SINCE = 31
"""Minor from which on API servers open SPDY inside WebSockets by default (KEP 4006)."""
_CREATE_SINCE = 35
"""Minor from which on a WebSocket needs the right to create as well as to get (KEP 4006)."""
CHANNELS = "v4.channel.k8s.io"
"""Of WebSockets to the kubelet."""
TUNNEL = "SPDY/3.1+portforward.k8s.io"
"""Of SPDY in a WebSocket, kubectl's since 1.30."""
SPDY = "SPDY/3.1"
_STREAMS = "portforward.k8s.io"


def forward(call: Call) -> Response:
    """Status 101 and the way to the pod.

    Raises:
        ApiError: 400 for who asks for no upgrade, 403, 404, 500 when no kubelet can be reached.
    """
    pod = call.store.get(("", "pods", call.target.namespace, call.target.name))
    if pod is None:
        raise not_found("pods", call.target.name)
    upgrade = call.request.header("Upgrade").lower()
    if upgrade == "websocket" and call.backend.catalogue.minor >= _CREATE_SINCE:
        call.backend.rbac.require(call.ask("create"))
    _reach(call, pod)
    if upgrade not in {"websocket", "spdy/3.1"}:
        raise bad_request("Upgrade request required")
    protocol = _protocol(call, upgrade)
    if not protocol:
        return Response(403, {"Content-Type": "text/plain"}, b"no protocol that the kubelet speaks\n")
    name = f"{call.target.name}_{call.target.namespace}"
    return Response(101, {}, b"", forward=Forward(_ports(call), _inside(call), name, protocol))


def _protocol(call: Call, upgrade: str) -> str:
    """The best that both sides speak; empty when there is none."""
    header = "Sec-WebSocket-Protocol" if upgrade == "websocket" else "X-Stream-Protocol-Version"
    offered = {word.strip() for word in call.request.header(header).split(",")}
    if upgrade != "websocket":
        return SPDY if _STREAMS in offered else ""
    if TUNNEL in offered and call.backend.catalogue.minor >= TUNNELS_SINCE:
        return TUNNEL
    return CHANNELS if CHANNELS in offered else ""


def _reach(call: Call, pod: Obj) -> None:
    """The kubelet's address is one of the node's."""
    node = call.store.get(("", "nodes", "", pod["spec"].get("nodeName", "")))
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {call.target.name} does not have a host assigned")
    if node is None or not (node.get("status") or {}).get("addresses"):
        raise ApiError(500, "InternalError", "no preferred addresses found; known addresses: []")


def _ports(call: Call) -> tuple[int, ...]:
    """Of a WebSocket; SPDY names them stream by stream."""
    words = [w for w in call.request.query.get("ports", "").split(",") if w]
    if not all(w.isdigit() and 0 < int(w) < 65536 for w in words):
        raise bad_request(f"unable to parse {call.request.query['ports']!r} as ports")
    return tuple(int(w) for w in words)


def _inside(call: Call) -> Inside:
    """The pod as it is when it is asked, for it may have gone meanwhile."""
    key = ("", "pods", call.target.namespace, call.target.name)

    def inside(port: int, path: str) -> tuple[int, str, bytes] | None:
        pod, proxy = call.store.get(key), call.backend.proxy
        if pod is None or proxy is None or (pod.get("status") or {}).get("phase") != "Running":
            return None
        return proxy.inside(pod, port, path)

    return inside
