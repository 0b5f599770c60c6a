"""Networks of a mesh that spans several."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.world import Hit, World
from upgrader.model.version import Version

_MENDED = (("1.15.5", "1.16.0"), ("1.16.2", "1.17.0"))
"""Releases before 1.17 that believe the pod already: from the first, and before the second of each."""
_NETWORK = "topology.istio.io/network"


def networks_differ(world: World) -> Iterator[Hit]:
    """Workloads whose pods are labelled with another network than the namespace of istiod.

    Of namespaces only that of istiod has a say: its label is the network of the cluster.

    Source: pilot/pkg/serviceregistry/kube/controller (onSystemNamespaceEvent, endpoint_builder.go) of 1.16.0.
    """
    running = [Version.of_tag(str(one.body.get("version", ""))) for one in world.objects("ControlPlane")]
    if running and all(map(_believes_the_pod, running)):
        return
    root = world.mesh.namespace(world.mesh.root_namespace)
    network = root.labels.get(_NETWORK, "") if root else ""
    for one in world.objects("Workload") if network else ():
        if one.labels.get(_NETWORK, network) != network:
            yield Hit(one.title, f"metadata.labels['{_NETWORK}']")


def _believes_the_pod(version: Version | None) -> bool:
    return version is not None and any(
        Version.parse(first) <= version < Version.parse(end) for first, end in _MENDED
    )
