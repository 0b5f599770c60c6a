"""What istiods and proxies answer on the ports a pod proxy reaches: readiness, version and metrics."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import orjson

from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.istio.injection.proxy import PROXY, VARIANTS
from upgrader.sandbox.istio.injection.settings import DEFAULT_DISCOVERY, parse
from upgrader.sandbox.istio.planes import (
    Istio,
    annotations_of,
    environment,
    image_tag,
    is_ready,
    istiod_of,
)
from upgrader.sandbox.istio.syncz import sync_status
from upgrader.sandbox.istio.webhooks.reach import istiods_behind
from upgrader.sandbox.store import Obj, Store

MONITORING = 15014
DEBUG = 8080
REJECTS = "sandbox.upgrader/rejects"
"""Annotation of a pod: how many configurations its proxy has rejected so far."""
PLAIN = "text/plain; charset=utf-8"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
_STATS_PORTS = frozenset({15020, 15090})
_HEALTH_PORTS = frozenset({15020, 15021})

Answer = tuple[int, str, bytes]


class PodAnswers:
    """The processes inside pods, as far as ``pods/proxy`` shows them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, pod: Obj, port: int, path: str) -> Answer:
        """HTTP status, content type and body of ``GET path`` on a port of the pod.

        A port nobody listens on reads as the API server words it: 503, ``connect: connection refused``.
        """
        return self._of(pod, port, path, local=False) or _refused(pod, port)

    def inside(self, pod: Obj, port: int, path: str) -> Answer | None:
        """The same as a caller on the pod's loopback address hears it; None when nobody listens."""
        return self._of(pod, port, path, local=True)

    def _of(self, pod: Obj, port: int, path: str, *, local: bool) -> Answer | None:
        route = "/" + path.split("?", 1)[0].lstrip("/")
        istiod = istiod_of(pod)
        if istiod is not None:
            return self._istiod(istiod, port, route, local=local)
        if proxy_of(pod) is not None and (port in _HEALTH_PORTS or port in _STATS_PORTS):
            return _proxy(pod, port, route)
        return _application(pod, port)

    def _istiod(self, istiod: Istio, port: int, route: str, *, local: bool) -> Answer | None:
        if port not in {MONITORING, DEBUG} or not istiod.address:
            return None
        if port == DEBUG and route == "/ready":
            return (200, PLAIN, b"") if istiod.ready else (503, PLAIN, b"")
        if not istiod.ready:
            return None
        if route.startswith("/debug"):
            return self._debug(istiod, route, local=local)
        if port == MONITORING and route == "/version":
            return 200, PLAIN, build_of(istiod).encode()
        if port == MONITORING and route == "/metrics":
            return 200, _METRICS, "\n".join(self._metrics(istiod)).encode() + b"\n"
        return 404, PLAIN, b"404 page not found\n"

    def _debug(self, istiod: Istio, route: str, *, local: bool) -> Answer:
        """Told to nobody but callers on loopback, and to nobody at all when switched off."""
        if istiod.env.get("ENABLE_DEBUG_ON_HTTP") == "false":
            return 404, PLAIN, b"404 page not found\n"
        if not local:
            return 401, PLAIN, b""
        if route != "/debug/syncz":
            return 404, PLAIN, b"404 page not found\n"
        told = [sync_status(istiod, pod, proxy_version(pod)) for pod in clients_of(self._store, istiod)]
        return 200, "application/json", orjson.dumps(told, option=orjson.OPT_INDENT_2)

    def _metrics(self, istiod: Istio) -> Iterator[str]:
        clients = clients_of(self._store, istiod)
        yield from _family("istio_build", "gauge", "Istio component build info")
        yield f'istio_build{{component="pilot",tag="{istiod.tag}"}} 1'
        yield from _family("pilot_info", "gauge", "Pilot version and build information.")
        yield f'pilot_info{{version="{build_of(istiod)}"}} 1'
        counts: dict[str, int] = {}
        for pod in clients:
            version = proxy_version(pod)
            counts[version] = counts.get(version, 0) + 1
        if counts:
            yield from _family("pilot_xds", "gauge", "Number of endpoints connected to this pilot using XDS.")
        for version, count in sorted(counts.items()):
            yield f'pilot_xds{{version="{version}"}} {count}'
        rejects = sum(int(annotations_of(pod).get(REJECTS, 0)) for pod in clients)
        text = "Total number of XDS responses from pilot rejected by proxy."
        yield from _family("pilot_total_xds_rejects", "counter", text)
        yield f'pilot_total_xds_rejects{{type="{_LISTENER}"}} {rejects}'


def proxy_of(pod: Obj) -> dict[str, Any] | None:
    """The proxy container of a pod, ordinary or native sidecar, or None."""
    for kind in ("containers", "initContainers"):
        for container in pod["spec"].get(kind) or []:
            if container.get("name") == PROXY:
                found: dict[str, Any] = container
                return found
    return None


def proxy_version(pod: Obj) -> str:
    """What a proxy reports as its release: its image tag without the variant."""
    tag = image_tag(str((proxy_of(pod) or {}).get("image", "")))
    for variant in VARIANTS:
        tag = tag.removesuffix(variant)
    return tag or "unknown"


def discovery_of(proxy: dict[str, Any]) -> tuple[str, str]:
    """Namespace and Service that a proxy asks for its configuration."""
    env = environment(proxy)
    told = str(parse(env.get("PROXY_CONFIG", "")).get("discoveryAddress") or "")
    address = env.get("XDS_ADDRESS") or told or env.get("CA_ADDR") or DEFAULT_DISCOVERY
    name, _, rest = address.removeprefix("https://").partition(":")[0].partition(".")
    return rest.partition(".")[0] or "istio-system", name


def clients_of(store: Store, istiod: Istio) -> list[Obj]:
    """Pods whose proxy is connected to this istiod pod; a revision's proxies are dealt to its replicas in turn."""
    leads: dict[tuple[str, str], list[Istio]] = {}
    found: list[Obj] = []
    dealt: dict[tuple[str, str], int] = {}
    for pod in store.list("", "pods"):
        proxy = proxy_of(pod)
        if proxy is None or not _connected(pod):
            continue
        place = discovery_of(proxy)
        if place not in leads:
            leads[place] = istiods_behind(store, *place)
        behind = leads[place]
        turn = dealt.get(place, 0)
        dealt[place] = turn + 1
        if behind and behind[turn % len(behind)].uid == istiod.uid:
            found.append(pod)
    return found


def build_of(istiod: Istio) -> str:
    """Release and build as ``/version`` and ``pilot_info`` say it."""
    sha = hashlib.sha256(istiod.tag.encode()).hexdigest()[:40]
    return f"{istiod.tag}-{sha}-Clean"


def _connected(pod: Obj) -> bool:
    """Ready, or on its way out and still there: a proxy keeps its stream until it ends."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _family(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _proxy(pod: Obj, port: int, route: str) -> Answer:
    if port in _HEALTH_PORTS and route == "/healthz/ready":
        return (200, PLAIN, b"") if is_ready(pod) else (503, PLAIN, b"")
    if port in _STATS_PORTS and route in {"/stats/prometheus", "/metrics"}:
        live = int(is_ready(pod))
        return 200, _METRICS, f"# TYPE envoy_server_live gauge\nenvoy_server_live{{}} {live}\n".encode()
    return 404, PLAIN, b"404 page not found\n"


def _application(pod: Obj, port: int) -> Answer | None:
    declared = {
        p.get("containerPort") for c in pod["spec"].get("containers") or [] for p in c.get("ports") or []
    }
    return (200, PLAIN, b"ok\n") if port in declared and is_ready(pod) else None


def _refused(pod: Obj, port: int) -> Answer:
    address = (pod.get("status") or {}).get("podIP", "")
    why = f"dial tcp {address}:{port}: connect: connection refused" if address else "address not allowed"
    error = ApiError(503, "ServiceUnavailable", f"error trying to reach service: {why}")
    return 503, "application/json", orjson.dumps(error.body())
