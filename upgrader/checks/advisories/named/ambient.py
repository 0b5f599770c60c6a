"""Ambient mode: what ztunnel and waypoints no longer get, how much they are told, and what reaches the node agent."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.settings import inner
from upgrader.checks.advisories.world import Hit, World
from upgrader.model.injection import REVISION, label_selector_matches

_MODE = "istio.io/dataplane-mode"
_READ_BY_ZTUNNEL = (
    "AuthorizationPolicy.security.istio.io",
    "PeerAuthentication.security.istio.io",
    "RequestAuthentication.security.istio.io",
    "ServiceEntry.networking.istio.io",
    "WorkloadEntry.networking.istio.io",
)
_AGENT = "istio-cni-node"
_MANY = 30_000
"""The limit of 4 MiB is met at about 40,000 resources, earlier with long names (1.31.0-rc.0
releasenotes/notes/wds-reconnect-version-skip.yaml); pods outside of the mesh count too, and a snapshot has none of them."""
_PER_RESOURCE = 1024 * 1024 / 10_000
_LIMIT = "ISTIO_GPRC_MAXRECVMSGSIZE"


def ambient_configuration_of_no_revision(world: World) -> Iterator[Hit]:
    """Objects of an ambient mesh that are labelled for a revision other than those that the plan leaves.

    Those of a revision that is left have a check of their own (UPG-0328).
    """
    if not _is_ambient(world):
        return
    for kind in _READ_BY_ZTUNNEL:
        for one in world.objects(kind):
            revision = one.labels.get(REVISION)
            if revision is not None and revision not in world.revisions:
                yield Hit(one.title, f"metadata.labels['{REVISION}'] {revision}")


def more_workloads_than_a_request_holds(world: World) -> Iterator[Hit]:
    """The cluster, when an ambient mesh has so many pods and services that istiod must take larger requests."""
    if not _is_ambient(world):
        return
    count = sum(w.replicas for w in world.mesh.workloads) + len(world.objects("Service"))
    count += sum(len(world.objects(kind)) for kind in _READ_BY_ZTUNNEL if "Entry" in kind)
    limits = [_number(one.body.get(_LIMIT)) for one in world.objects("IstiodEnv") if one.body]
    if count >= _MANY and not any(limit >= count * _PER_RESOURCE for limit in limits):
        yield Hit(f"{count} pods, services and entries of the mesh", f"env {_LIMIT} of istiod")


def policies_of_istio_cni(world: World) -> Iterator[Hit]:
    """NetworkPolicies that select the pods of an istio-cni which still runs in the network of the host."""
    for agent in world.objects("DaemonSet"):
        template = inner(agent.body, "spec", "template")
        if agent.name != _AGENT or inner(template, "spec").get("hostNetwork") is not True:
            continue
        labels = inner(template, "metadata", "labels")
        for policy in world.objects("NetworkPolicy"):
            selector = inner(policy.body, "spec", "podSelector")
            if policy.namespace == agent.namespace and label_selector_matches(selector, labels):
                yield Hit(policy.title, f"spec.podSelector fits {agent.title}")


def _is_ambient(world: World) -> bool:
    mesh = world.mesh
    return any(p.kind == "ztunnel" for p in mesh.proxies) or any(
        n.labels.get(_MODE) == "ambient" for n in mesh.namespaces
    )


def _number(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isdigit() else 0
