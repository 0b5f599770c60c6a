from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.images.cause import INJECTED, PIN, PROXY, own_image, unpin
from upgrader.checks.images.expected import deviation
from upgrader.checks.scope import kubectl, leave_behind, moved, pods
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Proxy, Snapshot, Workload

_FILLED_IN = frozenset({"", "injected"})
"""Gateways of the other kinds carry their image on purpose."""


def pinned(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads that name a proxy image which is right today: a restart would keep it.

    Where it is wrong already, ``consistency`` says so. Facts: pkg/kube/inject/webhook.go of Istio 1.12 to 1.31 (the
    annotation wins over the injected image; a container of that name in the template is merged over it).
    """
    proxies = mesh.live
    for workload, count in moved(mesh, context):
        pin = workload.template_annotations.get(PIN, "")
        if not (pin or _carries_its_own(workload)):
            continue
        if any(_differs(p, mesh, context) for p in proxies[workload.key]):
            continue
        where = f"annotation {PIN}" if pin else f"its own {PROXY} container"
        yield Finding(
            code="UPG-0313",
            severity=Severity.BLOCKED,
            subject=workload.name,
            summary=f"{workload.name}: {where} pins {pin or own_image(workload)}, a restart would not move {pods(count)}",
            why="these pods would stay behind, one minor more with every hop",
            do=(
                unpin(workload) if pin else kubectl(workload.ref, "set image", f"{PROXY}=auto"),
                leave_behind(context, workload.name),
            ),
            objects=(workload.key,),
        )


def _carries_its_own(workload: Workload) -> bool:
    return (
        workload.gateway in _FILLED_IN
        and bool(own_image(workload))
        and INJECTED not in workload.template_annotations
    )


def _differs(proxy: Proxy, mesh: Snapshot, context: Context) -> bool:
    plane = mesh.plane(proxy.revision)
    return plane is not None and deviation(proxy.image, plane, context.mirrors, {}) is not None
