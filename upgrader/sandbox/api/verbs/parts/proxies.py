"""What pods and Services answer through the API server."""

from __future__ import annotations

from urllib.parse import urlencode

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.errors import ApiError, bad_request, method_not_allowed, not_found
from upgrader.sandbox.store import Obj


def proxy(call: Call) -> Response:
    """The answer of the pod, or of a ready pod behind the Service.

    Raises:
        ApiError: 404, 405 for anything but GET, 503 when nobody answers.
    """
    if call.request.method != "GET":
        raise method_not_allowed()
    name, port = _named(call.target.name)
    pod, number = (
        _of_service(call, name, port) if call.target.resource.kind == "Service" else _of_pod(call, name, port)
    )
    path = "/" + call.target.tail
    if call.request.query:
        path += "?" + urlencode(call.request.query)
    if call.target.resource.kind == "Pod" and not (pod.get("status") or {}).get("podIP"):
        raise bad_request("address not allowed")
    if call.backend.proxy is None or (pod.get("status") or {}).get("phase") != "Running":
        raise unavailable(pod, number)
    status, media, body = call.backend.proxy.get(pod, number, path)
    return Response(status, {"Content-Type": media}, body)


def _named(text: str) -> tuple[str, str]:
    """``scheme:name:port``, ``name:port`` or ``name``."""
    parts = text.split(":")
    if len(parts) == 3:
        return parts[1], parts[2]
    return parts[0], parts[1] if len(parts) == 2 else ""


def unavailable(pod: Obj, port: int) -> ApiError:
    """503: nothing listens."""
    address = f"{(pod.get('status') or {}).get('podIP', '')}:{port}"
    message = f"error trying to reach service: dial tcp {address}: connect: connection refused"
    return ApiError(503, "ServiceUnavailable", message)


def _of_pod(call: Call, name: str, port: str) -> tuple[Obj, int]:
    pod = call.store.get(("", "pods", call.target.namespace, name))
    if pod is None:
        raise not_found("pods", name)
    if port:
        return pod, _number(pod, port)
    ports = [p for c in pod["spec"].get("containers") or () for p in c.get("ports") or ()]
    return pod, int(ports[0]["containerPort"]) if ports else 80


def _number(pod: Obj, port: str) -> int:
    if port.isdigit():
        return int(port)
    for container in pod["spec"].get("containers") or ():
        for listed in container.get("ports") or ():
            if listed.get("name") == port:
                return int(listed["containerPort"])
    raise bad_request(f"invalid port name: {port}")


def _of_service(call: Call, name: str, port: str) -> tuple[Obj, int]:
    namespace = call.target.namespace
    service = call.store.get(("", "services", namespace, name))
    if service is None:
        raise not_found("services", name)
    ports = service["spec"].get("ports") or []
    wanted = next((p for p in ports if not port or port in {p.get("name"), str(p.get("port"))}), None)
    subsets = (call.store.get(("", "endpoints", namespace, name)) or {}).get("subsets") or []
    for subset in subsets if wanted else ():
        for address in subset.get("addresses") or ():
            reference = address.get("targetRef") or {}
            pod = call.store.get(
                ("", "pods", reference.get("namespace") or namespace, reference.get("name", ""))
            )
            if pod is not None and wanted is not None:
                return pod, _number(pod, str(wanted.get("targetPort") or wanted["port"]))
    raise ApiError(503, "ServiceUnavailable", f'no endpoints available for service "{name}"')
