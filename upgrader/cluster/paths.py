"""Where objects are on the API server."""

from __future__ import annotations

from urllib.parse import quote

from upgrader.model.kinds import POD, Kind, Ref


def collection(kind: Kind, namespace: str = "") -> str:
    """``/apis/apps/v1/namespaces/shop/deployments``; all namespaces when *namespace* is empty."""
    start = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    inside = f"/namespaces/{_segment(namespace)}" if namespace and kind.namespaced else ""
    return f"{start}{inside}/{kind.plural}"


def item(ref: Ref, subresource: str = "") -> str:
    """``/apis/apps/v1/namespaces/shop/deployments/cart``."""
    end = f"/{subresource}" if subresource else ""
    return f"{collection(ref.kind, ref.namespace)}/{_segment(ref.name)}{end}"


def through(pod: Ref, port: int, path: str) -> str:
    """What *pod* serves on *port*, seen through the API server."""
    place = f"{collection(POD, pod.namespace)}/{_segment(pod.name)}:{port}"
    return f"{place}/proxy/{quote(path.lstrip('/'), safe='/')}"


def _segment(name: str) -> str:
    """One segment of a path; a name can never climb out of it."""
    if name in {"", ".", ".."}:
        raise ValueError(f"{name!r} is not the name of an object")
    return quote(name, safe=":")
