from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog.needs import Need, needs_of
from upgrader.checks.context import Context
from upgrader.checks.scope import moving, new_minors, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import CustomResource, Definition, Snapshot
from upgrader.model.step import counted
from upgrader.model.version import Version

GROUP = "gateway.networking.k8s.io"
_OF_THE_MESH = frozenset({"Service", "ServiceEntry"})
"""Parents of routes that sidecars and waypoints apply."""
_ALPHA = "PILOT_ENABLE_ALPHA_GATEWAY_API"


def gateway_api(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report definitions of the Gateway API that a hop's istiod does not read, since they are too old for it.

    It leaves their objects alone without an error. It blocks where there are such objects that are read today.
    """
    there = {d.name: d for d in mesh.definitions if d.name.endswith(GROUP)}
    if not there:
        return
    alpha = _reads_alpha(mesh, context)
    for number, target in new_minors(context):
        for need in needs_of(target.series):
            old = [there[name] for name in need.names if name in there and _too_old(there[name], need)]
            if old:
                used = [] if need.alpha and not alpha else _objects(mesh, old)
                yield _finding(old, used, need, number, target)


def _reads_alpha(mesh: Snapshot, context: Context) -> bool:
    planes = [p for p in mesh.control_planes if p.revision in moving(mesh, context)]
    return any(p.env.get(_ALPHA) == "true" for p in planes)


def _too_old(definition: Definition, need: Need) -> bool:
    if need.serves not in definition.served:
        return True
    if not need.bundle:
        return False
    try:
        bundle = Version.parse(definition.bundle)
    except ValueError:
        return need.enforced
    floor = Version.parse(need.bundle)
    return (bundle.major, bundle.minor, bundle.patch) < (floor.major, floor.minor, floor.patch)


def _objects(mesh: Snapshot, definitions: list[Definition]) -> list[str]:
    """Objects of these kinds that istiod reads; the Gateways of other controllers, and their routes, are none."""
    plurals = {d.name.partition(".")[0] for d in definitions}
    ours = {(g.ref.namespace, g.ref.name) for g in mesh.api_gateways if g.class_name.startswith("istio")}
    there = (r for r in mesh.resources if r.ref.kind.group == GROUP and r.ref.kind.plural in plurals)
    return [str(r.ref) for r in there if _read(r, ours)]


def _read(resource: CustomResource, ours: set[tuple[str, str]]) -> bool:
    ref, spec = resource.ref, resource.body.get("spec") or {}
    if ref.kind.kind == "Gateway":
        return (ref.namespace, ref.name) in ours
    parents = spec.get("parentRefs") if ref.kind.kind.endswith("Route") else None
    if parents is None:
        return bool(ours)
    return any(
        p.get("kind", "Gateway") in _OF_THE_MESH or (p.get("namespace", ref.namespace), p.get("name")) in ours
        for p in parents
    )


def _finding(old: list[Definition], used: list[str], need: Need, number: int, target: Version) -> Finding:
    subject = f"CRD {old[0].name}" if len(old) == 1 else "CRDs of the Gateway API"
    kept = f"{counted(len(used), 'object')} would be left alone" if used else "nothing uses them yet"
    url = "https://github.com/kubernetes-sigs/gateway-api/releases/download"
    return Finding(
        code="UPG-0355",
        severity=Severity.BLOCKED if used else Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: too old for istiod {target.series}, which reads {need.serves} of it; {kept}",
        what=(
            *(f"{d.name}: release {d.bundle or 'unknown'}, serves {', '.join(d.served)}" for d in old),
            *((some(used),) if used else ()),
        ),
        why=f"istiod {target.series} needs release {need.bundle} of the Gateway API or later, and reports no error without it",
        do=(
            f"kubectl apply --server-side -f {url}/v{need.bundle}/standard-install.yaml      # before hop {number}; read its notes first",
        ),
        hop=number,
        allowable=bool(used),
        objects=(*(f"CustomResourceDefinition {d.name}" for d in old), *used),
    )
