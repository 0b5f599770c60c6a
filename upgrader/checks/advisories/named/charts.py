"""What was installed with a chart, and lives on beside it."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.settings import inner
from upgrader.checks.advisories.world import Hit, World

_CHART = "helm.sh/chart"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_OWNERSHIP = (_MANAGED_BY, "meta.helm.sh/release-name", "meta.helm.sh/release-namespace")
_OF_THE_CHART = (".networking.istio.io", ".security.istio.io", ".telemetry.istio.io", ".extensions.istio.io")
_RELEASE = "meta.helm.sh/release-name"


def definitions_that_no_release_owns(world: World) -> Iterator[Hit]:
    """Definitions of Istio that Helm would not take for its own, where a chart installed the control plane that is left.

    Helm wants all three marks (``checkOwnership`` in pkg/action/validate.go of helm/helm 3.16). A snapshot of an older
    release does not tell them.
    """
    if not any(one.body.get("installer") == "helm" for one in world.objects("ControlPlane")):
        return
    known = {d.name: d.marks for d in world.mesh.definitions}
    for one in world.objects("CustomResourceDefinition"):
        marks = known.get(one.name)
        if not one.name.endswith(_OF_THE_CHART):
            continue
        if marks is None:
            yield Hit(one.title, "its annotations, which this snapshot does not hold")
        elif lacks := [key for key in _OWNERSHIP if not marks.get(key)]:
            yield Hit(one.title, f"no {' and '.join(lacks)}")
        elif marks[_MANAGED_BY] != "Helm":
            yield Hit(one.title, f"{_MANAGED_BY}={marks[_MANAGED_BY]}")


def gateway_charts_scaled_by_hand(world: World) -> Iterator[Hit]:
    """Gateways of the gateway chart with several replicas that no autoscaler of the same chart keeps."""
    kept = {
        (one.namespace, str(inner(one.body, "spec", "scaleTargetRef").get("name", "")))
        for one in world.objects("HorizontalPodAutoscaler")
        if _CHART in one.labels or _RELEASE in inner(one.body, "metadata", "annotations")
    }
    for one in world.objects("Workload"):
        workload = one.workload
        if workload is None or not workload.labels.get(_CHART, "").startswith("gateway-"):
            continue
        if workload.replicas > 1 and (one.namespace, one.name) not in kept:
            yield Hit(one.title, f"spec.replicas {workload.replicas}")
