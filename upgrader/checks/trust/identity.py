from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from upgrader.checks.context import Context
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

DOMAIN = "trustDomain"
_DEFAULT_DOMAIN = "cluster.local"


def identity(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report revisions with different identities (trust domain, mesh, network or cluster): installed ones, and those of hops.

    What a hop is going to install is what its manifests say, and is compared with what it is to take over from.
    """
    yield from _installed(mesh, context)
    yield from _along_the_way(mesh, context)


def _installed(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    left = sorted(moving(mesh, context) & mesh.mesh_configs.keys())
    if not left:
        return
    before = _of(mesh, left[0])
    for plane in mesh.control_planes:
        if plane.revision in left[:1] or plane.revision not in mesh.mesh_configs:
            continue
        config = mesh.mesh_configs[plane.revision]
        found = differences(before, _of(mesh, plane.revision))
        if not found:
            continue
        covered = _covered(before, found, config)
        yield _finding(left[0], plane.revision, found, covered=covered)


def _along_the_way(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Each hop against the one before it, the first against what runs; what is installed like that already was told."""
    left = sorted(moving(mesh, context) & mesh.mesh_configs.keys())
    old, before = (left[0], _of(mesh, left[0])) if left else ("", None)
    for hop, version in enumerate(context.path[1:], start=1):
        told = context.configured.get(str(version))
        if told is None or told.config is None:
            yield from [_unsaid(told.revision, hop)] if told else []
            old, before = "", None
            continue
        after = identity_of(told.config, told.values)
        found = differences(before, after) if before else {}
        there = told.revision in mesh.mesh_configs and _of(mesh, told.revision) == after
        if found and not there:
            covered = _covered(before or {}, found, told.config)
            yield msgspec.structs.replace(_finding(old, told.revision, found, covered=covered), hop=hop)
        old, before = told.revision, after


def _of(mesh: Snapshot, revision: str) -> dict[str, str]:
    return identity_of(mesh.mesh_configs[revision], mesh.injector_values.get(revision, {}))


def _covered(
    before: Mapping[str, str], found: Mapping[str, tuple[str, str]], config: Mapping[str, Any]
) -> bool:
    """Whether the trust domain alone differs, and the new one still answers to the old name."""
    return found.keys() == {DOMAIN} and before[DOMAIN] in map(str, config.get("trustDomainAliases") or ())


def _unsaid(revision: str, hop: int) -> Finding:
    subject = f"revision {revision}"
    return Finding(
        code="UPG-0368",
        severity=Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: its manifests hold no mesh configuration, so its trust domain was not compared",
        why="a revision with another trust domain, mesh id or network gives its workloads another identity",
        do=(
            f"compare ConfigMap istio-{revision} with that of the running revision before the hop",
            "or render the manifests with their ConfigMap",
        ),
        hop=hop,
        objects=(subject,),
    )


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
            f"install {new} (or render its manifests) with the same meshConfig.trustDomain, global.meshID, global.network and global.multiCluster.clusterName",
            "or change them in a run of their own, with trustDomainAliases",
        ),
        allowable=not covered,
        objects=(f"revision {old}", subject),
    )
