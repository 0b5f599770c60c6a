from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from upgrader.checks.context import Context
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

DOMAIN = "trustDomain"
_DEFAULT_DOMAIN = "cluster.local"


def identity(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report revisions that are installed with different identities: trust domain, mesh, network or cluster.

    What a hop is going to install is asked by the planner, with ``differences``: a check does not see renderings.
    """
    left = sorted(moving(mesh, context) & mesh.mesh_configs.keys())
    if not left:
        return
    before = identity_of(mesh.mesh_configs[left[0]], mesh.injector_values.get(left[0], {}))
    for plane in mesh.control_planes:
        if plane.revision in left[:1] or plane.revision not in mesh.mesh_configs:
            continue
        config = mesh.mesh_configs[plane.revision]
        after = identity_of(config, mesh.injector_values.get(plane.revision, {}))
        found = differences(before, after)
        if not found:
            continue
        aliases = {str(a) for a in config.get("trustDomainAliases") or ()}
        covered = found.keys() == {DOMAIN} and before[DOMAIN] in aliases
        yield _finding(left[0], plane.revision, found, covered=covered)


def identity_of(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """What decides who a proxy says it is, and to whom it belongs.

    Args:
        config: Mesh configuration of a revision, key ``mesh`` of ConfigMap istio[-REV].
        values: Values of its injector.
    """
    proxies = _mapping(config.get("defaultConfig"))
    shared = _mapping(values.get("global"))
    clusters = _mapping(shared.get("multiCluster"))
    return {
        DOMAIN: str(config.get(DOMAIN) or shared.get(DOMAIN) or _DEFAULT_DOMAIN),
        "mesh id": str(proxies.get("meshId") or shared.get("meshID") or ""),
        "network": str(shared.get("network") or ""),
        "cluster": str(clusters.get("clusterName") or ""),
    }


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What *after* says otherwise: name to both values. A default that is spelled out is no difference."""
    default = {"cluster": "Kubernetes"}
    pairs = {k: (before.get(k) or default.get(k, ""), after.get(k) or default.get(k, "")) for k in before}
    named = {k: pair for k, pair in pairs.items() if pair[0] != pair[1]}
    if "mesh id" in named and {"", before.get(DOMAIN, "")} >= set(named["mesh id"]):
        del named["mesh id"]  # without a mesh id the trust domain stands for it
    return named


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _finding(old: str, new: str, found: Mapping[str, tuple[str, str]], *, covered: bool) -> Finding:
    subject = f"revision {new}"
    return Finding(
        code="UPG-0368",
        severity=Severity.ADVISORY if covered else Severity.BLOCKED,
        subject=subject,
        summary=f"{subject}: has another {' and '.join(found)} than revision {old}",
        what=tuple(
            f"{name}: {one or 'none'} of {old}, {other or 'none'} of {new}"
            for name, (one, other) in found.items()
        ),
        why="workloads change their identity with the restart: policies that name it, and peers that check it, refuse them",
        do=(
            f"install {new} with the same meshConfig.trustDomain, global.meshID, global.network and global.multiCluster.clusterName",
            "or change them in a run of their own, with trustDomainAliases",
        ),
        allowable=not covered,
        objects=(f"revision {old}", subject),
    )
