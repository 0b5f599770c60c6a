"""What the checks have in common: which proxies move, what stays behind on purpose, and how commands name things."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.catalog import site_flag
from upgrader.checks.context import Context
from upgrader.model.kinds import WORKLOADS, Ref
from upgrader.model.snapshot import Snapshot, Workload
from upgrader.model.step import counted
from upgrader.model.version import Version

ROLLED = frozenset(kind.kind for kind in WORKLOADS)


def moving(mesh: Snapshot, context: Context) -> frozenset[str]:
    """Revisions that the first hop leaves: those of the running version, or all when none has its number."""
    source = str(context.path[0]) if context.path else ""
    found = frozenset(p.revision for p in mesh.control_planes if p.version == source)
    return found or frozenset(p.revision for p in mesh.control_planes)


def new_minors(context: Context) -> Iterator[tuple[int, Version]]:
    """Each hop that brings another minor, by its number, and its version; what comes with a minor is there after it."""
    for number, (source, target) in enumerate(zip(context.path, context.path[1:], strict=False), start=1):
        if source.minors_to(target) > 0:
            yield number, target


def stays(context: Context, namespace: str, workload: str = "") -> bool:
    """Whether somebody said ``--exclude`` for it."""
    return namespace in context.excluded or f"{namespace}/{workload}" in context.excluded


def moved(mesh: Snapshot, context: Context) -> Sequence[tuple[Workload, int]]:
    """Every restartable workload that has proxies of a moving revision and does not stay behind, with their number."""
    served = mesh.served_by(moving(mesh, context), ROLLED)
    if not context.excluded:
        return served
    return [(w, n) for w, n in served if not stays(context, w.ref.namespace, w.ref.name)]


def unrolled(mesh: Snapshot, context: Context) -> Iterator[tuple[str, str, str, int]]:
    """Kind, namespace, name and number of moving proxies of every owner that a changed template does not restart."""
    revisions = moving(mesh, context)
    owners = [owner for owner in mesh.live if owner.partition(" ")[0] not in ROLLED]
    for owner in sorted(owners):
        kind, _, name = owner.partition(" ")
        namespace, _, short = name.partition("/")
        count = sum(p.revision in revisions for p in mesh.live[owner])
        if count and not stays(context, namespace, short):
            yield kind, namespace, short, count


def parts_called(mesh: Snapshot, component: str, daemon_set: str) -> list[str]:
    """Objects of an Istio component that exists once per node: by its label, or by the name that the charts give it."""
    found = {str(b.ref) for b in mesh.belongings if b.component == component}
    found |= {w.key for w in mesh.parts.get(component, ())}
    return sorted(found | {w.key for w in mesh.daemon_sets if w.ref.name == daemon_set})


def part_version(mesh: Snapshot, component: str, daemon_set: str) -> Version | None:
    """The release of a part that exists once per node, from the image of its DaemonSet or its pods; None when nothing says it.

    Of several images the oldest counts.
    """
    texts = [
        image
        for workload in mesh.daemon_sets
        if workload.ref.name == daemon_set or workload in mesh.parts.get(component, ())
        for image in workload.images.values()
    ]
    tags = (text.rsplit("/", 1)[-1].partition(":")[2].partition("@")[0] for text in texts)
    running = [c.version for c in mesh.crowds if c.kind == daemon_set]
    return min((v for tag in (*tags, *running) if (v := Version.of_tag(tag))), default=None)


def cni_version(mesh: Snapshot) -> Version | None:
    """The release of Istio's node plugin, or None when there is none or nothing says it."""
    return part_version(mesh, "Cni", "istio-cni-node")


def is_ambient(mesh: Snapshot) -> bool:
    """Whether the mesh has parts of ambient mode: ztunnel, or a namespace that is in it."""
    return bool(parts_called(mesh, "Ztunnel", "ztunnel")) or any(
        n.labels.get("istio.io/dataplane-mode") == "ambient" for n in mesh.namespaces
    )


def gateway_conditions(mesh: Snapshot) -> frozenset[str]:
    """Which conditions of floors hold in the mesh."""
    managed = any(g.managed for g in mesh.api_gateways)
    return frozenset({"managed-gateways"}) if managed else frozenset()


def pods(count: int) -> str:
    """``1 pod``, ``4 pods``."""
    return counted(count, "pod")


def minors(count: int) -> str:
    """``one minor``, ``two minors``."""
    words = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
    return f"{words.get(count, count)} minor{'' if count == 1 else 's'}"


def some(names: Sequence[str], limit: int = 5) -> str:
    """The first few *names*, and how many more there are."""
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


def plan_command(context: Context, flags: str = "") -> str:
    """The command that plans the same path again, with the same catalog."""
    target = f" --to {context.path[-1].series}" if context.path else ""
    return f"upgrade plan{target}{site_flag(context.site)}" + (f" {flags}" if flags else "")


def leave_behind(context: Context, name: str) -> str:
    """The command that leaves *name* where it is."""
    return f"{plan_command(context, f'--exclude {name}')}      # it stays behind, and its revision with it"


def kubectl(ref: Ref, verb: str, rest: str = "") -> str:
    """A kubectl command about a namespaced object."""
    return f"kubectl -n {ref.namespace} {verb} {ref.kind.kind.lower()}/{ref.name}" + (
        f" {rest}" if rest else ""
    )
