"""Nodes report themselves ready."""

from __future__ import annotations

from upgrader.sandbox.controllers.cluster import Cluster
from upgrader.sandbox.controllers.conditions import condition, with_condition
from upgrader.sandbox.controllers.loop import Loop
from upgrader.sandbox.controllers.nodes.scheduler import NODES
from upgrader.sandbox.store import Event, Key, Obj


class Registration(Loop):
    """Fills in what a node's kubelet would say; a condition that is there, whatever it says, is left alone."""

    user = "node-controller"
    hears = frozenset({"nodes"})

    def __init__(self, cluster: Cluster, kubernetes: str) -> None:
        super().__init__(cluster)
        self._kubernetes = kubernetes

    def changed(self, event: Event) -> None:
        if event.key[:2] == NODES and event.type != "DELETED":
            self.queue.add(event.key)

    def sync(self, key: Key) -> None:
        node = self.store.get(key)
        if node is None or condition(node, "Ready") is not None:
            return
        told = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
            "lastHeartbeatTime": self.cluster.stamp(),
        }
        status = {**(node.get("status") or {}), **node_status(key[3], self._kubernetes)}
        conditions = with_condition(status.get("conditions") or (), told, self.cluster.stamp())
        self.cluster.write_status(key, node, {**status, "conditions": conditions})


def node_status(name: str, kubernetes: str) -> Obj:
    """What a node with room for everything says of itself, conditions excepted."""
    room = {"cpu": "64", "memory": "256Gi", "pods": "500", "ephemeral-storage": "1Ti"}
    number = (
        1 + sum(name.encode()) % 200
        if not name.rpartition("-")[2].isdigit()
        else int(name.rpartition("-")[2])
    )
    info = {"kubeletVersion": _full(kubernetes), "operatingSystem": "linux", "architecture": "amd64"}
    info |= {"containerRuntimeVersion": "containerd://2.0.0", "kernelVersion": "6.8.0", "osImage": "sandbox"}
    return {
        "capacity": room,
        "allocatable": room,
        "addresses": [
            {"type": "InternalIP", "address": f"10.0.{number // 250}.{number % 250 + 1}"},
            {"type": "Hostname", "address": name},
        ],
        "nodeInfo": info | {"machineID": name, "systemUUID": name, "bootID": name, "kubeProxyVersion": ""},
    }


def _full(kubernetes: str) -> str:
    version = kubernetes.removeprefix("v")
    return f"v{version}" if version.count(".") > 1 else f"v{version}.0"
