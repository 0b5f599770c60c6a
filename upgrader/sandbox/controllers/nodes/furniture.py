"""What a cluster has before anybody asked for anything."""

from __future__ import annotations

from upgrader.sandbox.controllers.nodes.registration import node_status
from upgrader.sandbox.store import Obj, Store

SPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def furnish(store: Store, kubernetes: str, nodes: int) -> None:
    """Put the namespaces every cluster has, and some nodes, into an empty store."""
    for name in SPACES:
        meta = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
        space |= {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        store.put(("", "namespaces", "", name), space)
    for number in range(1, nodes + 1):
        name = f"node-{number}"
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        node: Obj = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
        node |= {"spec": {"podCIDR": f"10.244.{number}.0/24"}, "status": node_status(name, kubernetes)}
        store.put(("", "nodes", "", name), node)
