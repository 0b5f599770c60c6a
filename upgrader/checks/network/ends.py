"""The pods at both ends: istiod of a revision that runs or will run, proxies, the DNS of the cluster.

Facts: labels and container ports of istiod: manifests/charts/istio-control/istio-discovery/templates/deployment.yaml
of Istio 1.12.9 to 1.31.0-rc.0 (ports have names from 1.24 on); labels that injection adds: injection-template.yaml
there; label ``k8s-app: kube-dns`` of cluster DNS: kubernetes.io, tasks/administer-cluster/coredns.
"""

from __future__ import annotations

from collections.abc import Mapping

from upgrader.checks.documents import dug, pod_template
from upgrader.checks.network.policies import KUBE_SYSTEM, Pod
from upgrader.model.injection import REVISION
from upgrader.model.snapshot import ControlPlane, Snapshot, Workload
from upgrader.model.version import UNNAMED, Version

XDS, PLAINTEXT, MONITORING, WEBHOOK, DNS = 15012, 15010, 15014, 15017, 53
NAMED_SINCE = Version(1, 24)
NAMES = {
    "http-debug": 8080, "grpc-xds": PLAINTEXT, "tls-xds": XDS, "https-webhooks": WEBHOOK, "http-monitoring": MONITORING,
}  # fmt: skip
_OF_THE_RELEASE = (
    "app.kubernetes.io/version",
    "helm.sh/chart",
    "app.kubernetes.io/instance",
    "release",
    REVISION,
    "istio",
)
"""Labels of istiod's pods that another release or revision writes anew."""


def spaces(mesh: Snapshot, namespace: str) -> Mapping[str, str]:
    """Labels of a namespace; of one that is not in the snapshot its name, as Kubernetes 1.21 and later write it."""
    found = mesh.namespace(namespace)
    return found.labels if found else {"kubernetes.io/metadata.name": namespace}


def istiod(mesh: Snapshot, plane: ControlPlane) -> Pod:
    """A pod of an istiod that runs."""
    labels = dug(pod_template(mesh, plane), "metadata", "labels") or _labels(plane.revision)
    release = Version.of_tag(plane.version)
    return Pod(
        namespace=plane.ref.namespace,
        labels=labels,
        spaces=spaces(mesh, plane.ref.namespace),
        ports=_ports(release),
    )


def istiod_to_come(mesh: Snapshot, plane: ControlPlane, target: Version) -> Pod:
    """A pod of the istiod that a hop installs beside *plane*: its own labels, and those that somebody added to *plane*'s."""
    there = mesh.plane(target.revision)
    if there is not None:
        return istiod(mesh, there)
    own = istiod(mesh, plane)
    kept = {key: value for key, value in own.labels.items() if key not in _OF_THE_RELEASE}
    return Pod(
        namespace=own.namespace,
        labels=kept | _labels(target.revision),
        spaces=own.spaces,
        ports=_ports(target),
    )


def proxy(workload: Workload, spaces: Mapping[str, str]) -> Pod:
    """A pod of a workload with its proxy, in a namespace with the labels *spaces*."""
    added = {"security.istio.io/tlsMode": "istio"} if workload.gateway == "" else {}
    return Pod(namespace=workload.ref.namespace, labels=added | workload.template_labels, spaces=spaces)


def system_pod(mesh: Snapshot) -> Pod:
    """Any pod of kube-system."""
    return Pod(namespace=KUBE_SYSTEM, labels={}, spaces=spaces(mesh, KUBE_SYSTEM))


def cluster_dns(mesh: Snapshot) -> Pod:
    """A pod of the DNS of the cluster."""
    return Pod(
        namespace=KUBE_SYSTEM,
        labels={"k8s-app": "kube-dns"},
        spaces=spaces(mesh, KUBE_SYSTEM),
        ports={"dns": DNS, "dns-tcp": DNS},
    )


def xds_port(mesh: Snapshot, revision: str) -> int:
    """Where proxies of *revision* look for their istiod: 15012, or 15010 where somebody asked for plain text."""
    address = str(dug(mesh.mesh_configs.get(revision), "defaultConfig", "discoveryAddress") or "")
    return PLAINTEXT if address.endswith(f":{PLAINTEXT}") else XDS


def _labels(revision: str) -> dict[str, str]:
    return {
        "app": "istiod",
        REVISION: revision,
        "istio": "pilot" if revision == UNNAMED else "istiod",
        "sidecar.istio.io/inject": "false",
        "operator.istio.io/component": "Pilot",
    }


def _ports(release: Version | None) -> dict[str, int]:
    return NAMES if release is None or release >= NAMED_SINCE else {}
