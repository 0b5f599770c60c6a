from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug
from upgrader.checks.nodes.fields import info, is_linux
from upgrader.checks.scope import moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import ControlPlane, Document, Snapshot
from upgrader.model.version import Version

UPSTREAM = ("docker.io/istio/", "gcr.io/istio-release/", "registry.istio.io/release/")
BUILT = {"amd64": Version(1, 0), "arm64": Version(1, 15)}
"""Architecture to the first minor with images for it (istio.io, news/releases/1.15.x/announcing-1.15)."""
NFT_KERNEL = (5, 13)
_KERNEL = re.compile(r"^(\d+)\.(\d+)")


def platforms(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report nodes on which the next images do not run, or whose kernel may lack what interception of traffic needs.

    Sources: istio.io, ops/deployment/platform-requirements (nftables wants Linux 5.13); a wrong architecture in a
    mirror: istio/istio issue 49792. Kernel modules are not in the API: where nodes differ, it is said that they were not seen.
    """
    nodes = [n for n in documents(mesh, "Node") if is_linux(n)]
    planes = [p for r in sorted(moving(mesh, context)) if (p := mesh.plane(r)) is not None]
    if nodes and planes:
        yield from _architectures(context, nodes, planes[0])
        yield from _kernels(mesh, nodes, planes[0])


def _architectures(context: Context, nodes: list[Document], plane: ControlPlane) -> Iterator[Finding]:
    found = _by(nodes, "architecture")
    target = min(context.path[1:], default=None)
    for name in sorted(found):
        first = BUILT.get(name)
        if first is None or (target is not None and target < first):
            said = (
                "there are no images of Istio for it"
                if first is None
                else f"there are images from {first.series} on"
            )
            yield Finding(
                code="UPG-0382",
                severity=Severity.ADVISORY,
                subject=f"architecture {name}",
                summary=f"architecture {name}: {said}, and {len(found[name])} nodes have it",
                what=(f"nodes: {some(found[name])}",),
                why="a container of another architecture ends at once with: exec format error",
                do=("keep pods with a proxy off these nodes, or use images that were built for them",),
                objects=tuple(f"Node {n}" for n in found[name]),
            )
    if len(found) > 1 and not plane.image.repository.startswith(UPSTREAM):
        hub = plane.image.repository
        tag = str(context.path[-1]) if context.path else plane.image.tag
        yield Finding(
            code="UPG-0382",
            severity=Severity.ADVISORY,
            subject=hub,
            summary=f"{hub}: is not upstream's, and whether it has every architecture of the nodes was not seen",
            what=(f"nodes: {', '.join(f'{len(n)} {a}' for a, n in sorted(found.items()))}",),
            why="a mirror that copied one architecture only serves pods that end with: exec format error",
            do=(f"docker manifest inspect {hub}:{tag}      # the same for proxyv2",),
            objects=(hub,),
        )


def _kernels(mesh: Snapshot, nodes: list[Document], plane: ControlPlane) -> Iterator[Finding]:
    kernels = _by(nodes, "kernelVersion")
    old = [k for k in kernels if (seen := _number(k)) is not None and seen < NFT_KERNEL]
    if old and _nftables(mesh, plane.revision):
        names = [name for k in old for name in kernels[k]]
        yield Finding(
            code="UPG-0382",
            severity=Severity.BLOCKED,
            subject="nftables",
            summary=f"nftables: is asked for, and {len(names)} nodes have a kernel before 5.13",
            what=tuple(f"{k}: {some(kernels[k])}" for k in sorted(old)),
            why="Istio documents that its nft rules need Linux 5.13; without them traffic goes past the proxy",
            do=("give these nodes a newer kernel, or leave global.nativeNftables out of the values",),
            allowable=True,
            objects=tuple(f"Node {n}" for n in names),
        )
    systems = {
        (info(n, "osImage").partition(" ")[0], (_number(info(n, "kernelVersion")) or (0, 0))[0])
        for n in nodes
    }
    if len(systems) > 1:
        images = _by(nodes, "osImage")
        yield Finding(
            code="UPG-0382",
            severity=Severity.ADVISORY,
            subject="kernel modules",
            summary="kernel modules: could not be seen, and the nodes are not all of one kind",
            what=tuple(
                f"{len(names)} with {image or 'an unnamed system'}" for image, names in sorted(images.items())
            ),
            why="a restarted pod may land on a kind of node where no proxy ran before; the API does not tell its modules",
            do=_look(images),
            objects=tuple(f"Node {names[0]}" for _, names in sorted(images.items())),
        )


def _look(images: dict[str, list[str]]) -> tuple[str, ...]:
    """One node of each kind is enough."""
    command = "chroot /host lsmod"
    return tuple(
        f"kubectl debug node/{names[0]} -it --image=busybox -- {command}      # xt_REDIRECT, xt_owner, iptable_nat, br_netfilter"
        for _, names in sorted(images.items())[:3]
    )


def _nftables(mesh: Snapshot, revision: str) -> bool:
    said: Any = dug(mesh.injector_values.get(revision), "global", "nativeNftables")
    values = mesh.install_values.get(revision) or {}
    return bool(said or dug(values.get("values") or values, "global", "nativeNftables"))


def _by(nodes: list[Document], field: str) -> dict[str, list[str]]:
    """Value of a field to the nodes that have it."""
    found: dict[str, list[str]] = {}
    for node in nodes:
        value = info(node, field)
        if value or field == "osImage":
            found.setdefault(value, []).append(node.ref.name)
    return found


def _number(kernel: str) -> tuple[int, int] | None:
    found = _KERNEL.match(kernel)
    return (int(found[1]), int(found[2])) if found else None
