"""What the agent of a proxy reads from its pod before it connects: which istiod, who it is, of which version.

Pure: a pod object in, a proxy out. The rules are those of pilot-agent: ``PROXY_CONFIG`` of the container over the
mesh's default, node metadata from ``ISTIO_META_*`` and ``ISTIO_METAJSON_*``, labels and annotations of the pod.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Istiod", "Proxy", "proxy_of"]

ROLES = frozenset({"sidecar", "router", "waypoint"})
_FIELDS = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "metadata.uid": ("metadata", "uid"),
    "spec.nodeName": ("spec", "nodeName"),
    "spec.serviceAccountName": ("spec", "serviceAccountName"),
    "status.podIP": ("status", "podIP"),
    "status.hostIP": ("status", "hostIP"),
}
_VARIABLE = re.compile(r"\$\((\w+)\)")
_FLAVOUR = re.compile(r"-(distroless|debug)$")


@dataclass(frozen=True, slots=True)
class Istiod:
    """The Service that a proxy asks for its configuration."""

    service: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.service}.{self.namespace}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that should be connected.

    Attributes:
        uid: Of its pod; a pod of the same name later is another proxy.
        node: Its name on the wire: ``ROLE~IP~POD.NAMESPACE~DOMAIN``.
        version: Istio version, from the tag of its image; empty where the image has none.
        metadata: Node metadata, plain data.
    """

    uid: str
    namespace: str
    pod: str
    node: str
    version: str
    istiod: Istiod
    metadata: Mapping[str, Any]


def proxy_of(pod: Mapping[str, Any]) -> Proxy | None:
    """The proxy in a pod; None: it has none, or it does not run (no address yet, or ended)."""
    meta, status = pod["metadata"], pod.get("status", {})
    container = _proxy_container(pod)
    if container is None or status.get("phase") != "Running" or not status.get("podIP"):
        return None
    env = dict(_environment(container, pod))
    config = _json(env.get("PROXY_CONFIG", ""))
    namespace, name = meta["namespace"], meta["name"]
    version = _version(container["image"])
    return Proxy(
        uid=meta["uid"],
        namespace=namespace,
        pod=name,
        node="~".join(
            (container["args"][1], status["podIP"], f"{name}.{namespace}", _domain(container, env))
        ),
        version=version,
        istiod=_istiod(config, env),
        metadata=_metadata(pod, env, config, version),
    )


def _proxy_container(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """``istio-proxy`` that runs ``proxy ROLE``, a native sidecar or not."""
    spec = pod["spec"]
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        args = container.get("args") or []
        if container["name"] == "istio-proxy" and args[:1] == ["proxy"] and args[1:2] and args[1] in ROLES:
            return dict(container)
    return None


def _environment(container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Variables that have a value; limits of resources are left out, nothing here depends on them."""
    for variable in container.get("env") or ():
        if "value" in variable:
            yield variable["name"], variable["value"]
            continue
        path = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath", "")
        if found := _field(pod, path):
            yield variable["name"], found


def _field(pod: Mapping[str, Any], path: str) -> str:
    """A field of the pod by the downward API, including ``metadata.labels['KEY']``."""
    if match := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return str(pod["metadata"].get(match[1], {}).get(match[2], ""))
    section, key = _FIELDS.get(path, ("", ""))
    return str(pod.get(section, {}).get(key, ""))


def _json(text: str) -> dict[str, Any]:
    """An object; empty when the text is none, as pilot-agent goes on with its defaults."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _version(image: str) -> str:
    tag = image.rsplit("/", 1)[-1].partition("@")[0].partition(":")[2]
    return _FLAVOUR.sub("", tag)


def _domain(container: Mapping[str, Any], env: Mapping[str, str]) -> str:
    args = container["args"]
    given = (
        args[args.index("--domain") + 1] if "--domain" in args[:-1] else "$(POD_NAMESPACE).svc.cluster.local"
    )
    return _VARIABLE.sub(lambda match: env.get(match[1], ""), given)


def _istiod(config: Mapping[str, Any], env: Mapping[str, str]) -> Istiod:
    """``PROXY_CONFIG`` holds only what differs from the default, so the address of the CA stands in for it."""
    address = config.get("discoveryAddress") or env.get("CA_ADDR") or "istiod.istio-system.svc:15012"
    service, namespace = (*str(address).rpartition(":")[0].split("."), "istio-system")[:2]
    return Istiod(service, namespace)


def _metadata(
    pod: Mapping[str, Any], env: Mapping[str, str], config: Mapping[str, Any], version: str
) -> dict[str, Any]:
    meta = pod["metadata"]
    found: dict[str, Any] = {"CLUSTER_ID": "Kubernetes", "ISTIO_VERSION": version}
    for name, value in {**config.get("proxyMetadata", {}), **env}.items():
        if name.startswith("ISTIO_META_"):
            found[name.removeprefix("ISTIO_META_")] = value
        elif name.startswith("ISTIO_METAJSON_"):
            found |= _json(value)
    labels = {k: v for k, v in meta.get("labels", {}).items() if k != "pod-template-hash"}
    return found | {
        "NAME": meta["name"],
        "NAMESPACE": meta["namespace"],
        "SERVICE_ACCOUNT": pod["spec"].get("serviceAccountName", "default"),
        "INSTANCE_IPS": pod["status"]["podIP"],
        "LABELS": _json(env.get("ISTIO_METAJSON_LABELS", "")) | labels,
        "ANNOTATIONS": dict(meta.get("annotations", {})),
        "PROXY_CONFIG": config,
    }
