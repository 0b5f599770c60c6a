"""Which cluster this is, who we are there, and what we may do."""

from __future__ import annotations

from upgrader.cluster.rest import RestCluster
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import NAMESPACE, Kind, Obj, Ref
from upgrader.model.snapshot import ClusterId

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def identify(cluster: RestCluster, context: str, server: str) -> ClusterId:
    """The cluster by the uid of its namespace kube-system: no other thing lives as long and is as hard to copy.

    Raises:
        UpgradeError: UPG-0008: what answers has no kube-system, so it is not a cluster that we know how to tell.
        ClusterFailure: it could not be read.
    """
    home = cluster.get(Ref(NAMESPACE, "kube-system"))
    if home is None:
        raise UpgradeError(
            "UPG-0008",
            f"{server} does not look like a Kubernetes cluster",
            what=("it says that it has no namespace kube-system",),
            why="the uid of that namespace is how plans and runs know their cluster",
            do=("kubectl get namespace kube-system", "kubectl config get-contexts"),
            exit_code=Exit.UNAVAILABLE,
        )
    return ClusterId(uid=home["metadata"]["uid"], context=context, server=server, version=cluster.version())


def may(
    cluster: RestCluster, verb: str, kind: Kind, *, namespace: str = "", name: str = "", sub: str = ""
) -> bool:
    """Whether the API server would let us, asked of itself (SelfSubjectAccessReview)."""
    plural, _, part = kind.plural.partition("/")
    attributes: Obj = {
        "verb": verb,
        "group": kind.group,
        "version": kind.version,
        "resource": plural,
        "subresource": sub or part,
        "namespace": namespace,
        "name": name,
    }
    question: Obj = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(cluster.review(_REVIEWS, question).get("status", {}).get("allowed", False))
