"""Which network plugin a cluster has, from its DaemonSets."""

from __future__ import annotations

from upgrader.checks.documents import documents
from upgrader.model.snapshot import Document, Snapshot

_BY_NAME = {
    "cilium": "Cilium",
    "anetd": "Cilium",
    "calico-node": "Calico",
    "canal": "Canal",
    "rke2-canal": "Canal",
    "kube-flannel-ds": "Flannel",
    "kube-flannel": "Flannel",
    "weave-net": "Weave Net",
    "antrea-agent": "Antrea",
    "aws-node": "Amazon VPC CNI",
    "azure-cns": "Azure CNI",
    "azure-npm": "Azure network policy manager",
    "kube-router": "kube-router",
    "ovnkube-node": "OVN-Kubernetes",
    "kube-ovn-cni": "Kube-OVN",
}
"""Names that the manifests of each project give to its DaemonSet; ``anetd`` is GKE Dataplane V2, which is Cilium."""
_ENFORCING = frozenset(_BY_NAME.values()) - {"Flannel"}


def agents(mesh: Snapshot) -> dict[str, Document]:
    """Plugin to its DaemonSet, for each one that is recognised."""
    found = {}
    for each in documents(mesh, "DaemonSet"):
        name = _BY_NAME.get(each.ref.name)
        if name and name not in found:
            found[name] = each
    return found


def enforces_nothing(mesh: Snapshot) -> bool:
    """Whether the only plugin that is recognised ignores NetworkPolicies (Flannel; README of flannel-io/flannel)."""
    found = agents(mesh).keys()
    return bool(found) and not found & _ENFORCING
