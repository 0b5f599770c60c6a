"""The container, environment and volumes of a proxy, as the charts' templates render them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from upgrader.sandbox.istio.injection.settings import DEFAULT_DISCOVERY, Settings, parse
from upgrader.sandbox.istio.planes import Istio

PROXY = "istio-proxy"
VARIANTS = ("-distroless", "-debug")


@dataclass(frozen=True, slots=True)
class Design:
    """Everything a proxy is rendered from.

    Attributes:
        istiod: who renders.
        annotations: of the pod (sidecar) or of the Gateway (managed gateway).
        role: ``sidecar``, ``router`` or ``waypoint``, the first argument of pilot-agent.
        apps: names of the application containers beside it.
        workload: name of the owning workload.
    """

    istiod: Istio
    settings: Settings
    annotations: Mapping[str, str]
    role: str
    apps: tuple[str, ...] = ()
    workload: str = ""

    @property
    def config(self) -> dict[str, Any]:
        """Effective ProxyConfig: mesh defaults under the pod's ``proxy.istio.io/config``."""
        return {**self.settings.proxy_defaults, **parse(self.annotations.get("proxy.istio.io/config", ""))}

    def image(self, kind: str = "proxy") -> str:
        """Image of the proxy (or of ``proxy_init``): pinned by annotation, or hub, name, tag and variant."""
        name = str(self.settings.value(f"global.{kind}.image", "proxyv2"))
        name = self.annotations.get("sidecar.istio.io/proxyImage", name)
        if "/" in name:
            return self._typed(name)
        hub = self.settings.value("global.hub", "docker.io/istio")
        tag = self.settings.value("global.tag", self.istiod.tag)
        image = str(self.settings.value(f"global.{kind}.image", "proxyv2"))
        variant = str(self.settings.value("global.variant", ""))
        return self._typed(f"{hub}/{image}:{tag}" + (f"-{variant}" if variant else ""))

    def _typed(self, image: str) -> str:
        configured = (self.config.get("image") or {}).get("imageType", "")
        wanted = self.annotations.get("sidecar.istio.io/proxyImageType", configured)
        if not wanted or "@" in image:
            return image
        for variant in VARIANTS:
            image = image.removesuffix(variant)
        return image if wanted == "default" else f"{image}-{wanted}"

    @property
    def authority(self) -> str:
        """CA_ADDR: a configured one, or the Service of the rendering revision."""
        service = f"istiod{self.istiod.suffix}"
        namespace = self.settings.value("global.istioNamespace", self.istiod.namespace)
        return str(self.settings.value("global.caAddress", f"{service}.{namespace}.svc:15012"))


def container(design: Design) -> dict[str, Any]:
    """The ``istio-proxy`` container."""
    made: dict[str, Any] = {
        "name": PROXY,
        "image": design.image(),
        "imagePullPolicy": design.settings.value("global.imagePullPolicy", "IfNotPresent"),
        "args": arguments(design),
        "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}],
        "env": environment(design),
        "resources": resources(design),
        "readinessProbe": readiness(design),
        "securityContext": _security(design),
        "volumeMounts": mounts(design.istiod),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    if design.istiod.at_least(20) and design.settings.value(
        "global.proxy.startupProbe.enabled", default=True
    ):
        made["startupProbe"] = {**readiness(design), "periodSeconds": 1, "failureThreshold": 600}
        made["startupProbe"].pop("initialDelaySeconds", None)
    return made


def arguments(design: Design) -> list[str]:
    """Arguments of pilot-agent."""
    domain = design.settings.value("global.proxy.clusterDomain", "cluster.local")
    return [
        "proxy",
        design.role,
        "--domain",
        f"$(POD_NAMESPACE).svc.{domain}",
        f"--proxyLogLevel={design.settings.value('global.proxy.logLevel', 'warning')}",
        f"--proxyComponentLogLevel={design.settings.value('global.proxy.componentLogLevel', 'misc:error')}",
        f"--log_output_level={design.settings.value('global.logging.level', 'default:info')}",
    ]


def environment(design: Design) -> list[dict[str, Any]]:
    """Environment in the order of the templates; ProxyConfig without what equals the default."""
    config = design.config
    if config.get("discoveryAddress") == DEFAULT_DISCOVERY:
        del config["discoveryAddress"]
    trust = str(design.settings.mesh.get("trustDomain") or "cluster.local")
    literal = {
        "PROXY_CONFIG": orjson.dumps(config).decode() + "\n",
        "ISTIO_META_POD_PORTS": "[\n]",
        "ISTIO_META_APP_CONTAINERS": ",".join(design.apps),
        "ISTIO_META_CLUSTER_ID": str(design.settings.value("global.multiCluster.clusterName", "Kubernetes")),
        "ISTIO_META_WORKLOAD_NAME": design.workload,
        "ISTIO_META_MESH_ID": str(design.settings.value("global.meshID", trust)),
        "TRUST_DOMAIN": trust,
        **{key: str(value) for key, value in (config.get("proxyMetadata") or {}).items()},
    }
    return [
        {
            "name": "PILOT_CERT_PROVIDER",
            "value": str(design.settings.value("global.pilotCertProvider", "istiod")),
        },
        {"name": "CA_ADDR", "value": design.authority},
        _field("POD_NAME", "metadata.name"),
        _field("POD_NAMESPACE", "metadata.namespace"),
        _field("INSTANCE_IP", "status.podIP"),
        _field("SERVICE_ACCOUNT", "spec.serviceAccountName"),
        _field("HOST_IP", "status.hostIP"),
        *({"name": key, "value": value} for key, value in literal.items()),
    ]


def _field(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def resources(design: Design) -> dict[str, Any]:
    """Requests and limits: any of the four annotations replaces the chart's whole block."""
    given = {
        ("requests", "cpu"): "proxyCPU",
        ("requests", "memory"): "proxyMemory",
        ("limits", "cpu"): "proxyCPULimit",
        ("limits", "memory"): "proxyMemoryLimit",
    }
    asked: dict[str, Any] = {}
    for (kind, unit), word in given.items():
        if value := design.annotations.get(f"sidecar.istio.io/{word}"):
            asked.setdefault(kind, {})[unit] = value
    return asked or dict(design.settings.value("global.proxy.resources", {}))


def readiness(design: Design) -> dict[str, Any]:
    """The readiness probe on 15021."""
    return {
        "httpGet": {"path": "/healthz/ready", "port": 15021, "scheme": "HTTP"},
        "initialDelaySeconds": design.settings.value("global.proxy.readinessInitialDelaySeconds", 1),
        "periodSeconds": design.settings.value("global.proxy.readinessPeriodSeconds", 2),
        "timeoutSeconds": 3,
        "failureThreshold": design.settings.value("global.proxy.readinessFailureThreshold", 30),
        "successThreshold": 1,
    }


def _security(design: Design) -> dict[str, Any]:
    if design.role == "router" and design.istiod.at_least(13):
        return {"runAsGroup": 1337, "runAsUser": 1337}
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsGroup": 1337,
        "runAsNonRoot": True,
        "runAsUser": 1337,
    }


def _sockets(istiod: Istio) -> list[tuple[str, str]]:
    found = [("workload-socket", "/var/run/secrets/workload-spiffe-uds")] if istiod.at_least(14) else []
    if istiod.at_least(15):
        found.append(("credential-socket", "/var/run/secrets/credential-uds"))
    if istiod.at_least(14):
        found.append(("workload-certs", "/var/run/secrets/workload-spiffe-credentials"))
    return found


def mounts(istiod: Istio) -> list[dict[str, str]]:
    """Where the proxy's volumes are mounted."""
    places = [
        *_sockets(istiod),
        ("istiod-ca-cert", "/var/run/secrets/istio"),
        ("istio-data", "/var/lib/istio/data"),
        ("istio-envoy", "/etc/istio/proxy"),
        ("istio-token", "/var/run/secrets/tokens"),
        ("istio-podinfo", "/etc/istio/pod"),
    ]
    return [{"name": name, "mountPath": path} for name, path in places]


def volumes(istiod: Istio) -> list[dict[str, Any]]:
    """The proxy's volumes; the sockets came with 1.14 and 1.15."""
    token = {
        "serviceAccountToken": {"audience": "istio-ca", "expirationSeconds": 43200, "path": "istio-token"}
    }
    labels = {"path": "labels", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels"}}
    notes = {"path": "annotations", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.annotations"}}
    return [
        *({"name": name, "emptyDir": {}} for name, _ in _sockets(istiod)),
        {"name": "istio-envoy", "emptyDir": {"medium": "Memory"}},
        {"name": "istio-data", "emptyDir": {}},
        {"name": "istio-podinfo", "downwardAPI": {"defaultMode": 420, "items": [labels, notes]}},
        {"name": "istio-token", "projected": {"defaultMode": 420, "sources": [token]}},
        {"name": "istiod-ca-cert", "configMap": {"name": "istio-ca-root-cert", "defaultMode": 420}},
    ]
