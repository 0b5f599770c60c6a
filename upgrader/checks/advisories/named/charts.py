"""What was installed with a chart, and lives on beside it."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.settings import inner
from upgrader.checks.advisories.world import Hit, World

_CHART = "helm.sh/chart"
_RELEASE = "meta.helm.sh/release-name"


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
