"""Traps of the cluster itself, planted into a mesh that runs, and seen by the survey."""

from __future__ import annotations

import pytest

from tests.checks.asking import context
from upgrader.checks import run_checks
from upgrader.cluster.identity import identify
from upgrader.cluster.rest import RestCluster
from upgrader.model.finding import Finding
from upgrader.model.kinds import Obj
from upgrader.sandbox.scenarios.builder import Builder
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import World
from upgrader.survey.take import take

pytestmark = pytest.mark.slow
OLD = {"matchLabels": {"app": "istiod", "istio.io/rev": "1-27-9"}}
ALL_POD_PORTS: Obj = {"ports": [{"port": port} for port in (15012, 15014, 15017)]}


def planted(*objects: Obj) -> dict[str, Finding]:
    """Findings of the shop with *objects* in it, by code."""
    world = World(kubernetes="1.33")
    load(world, "shop")
    builder = Builder(world)
    for obj in objects:
        builder.create(obj)
    builder.wait()
    cluster = RestCluster(world.transport())
    mesh = take(cluster, identify(cluster, "shop", "https://sandbox"), world.clock.now())
    found = run_checks(mesh, context("1.27.9 1.28.10 1.29.6")).findings
    return {f.code: f for f in found if "UPG-0370" <= f.code <= "UPG-0385"}


def policy(namespace: str, name: str, **spec: object) -> Obj:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def daemon_set(namespace: str, name: str) -> Obj:
    labels = {"k8s-app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "agent", "image": f"docker.io/x/{name}:1"}]},
    }
    metadata = {"namespace": namespace, "name": name, "labels": labels}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}


def test_policies_that_name_the_old_revision_are_seen_with_their_real_shape() -> None:
    found = planted(
        policy("istio-system", "deny", podSelector={}, policyTypes=["Ingress"]),
        policy("istio-system", "istiod", podSelector=OLD, policyTypes=["Ingress"], ingress=[ALL_POD_PORTS]),
        policy("shop", "egress", podSelector={}, policyTypes=["Egress"], egress=[
            {"to": [{"namespaceSelector": {}, "podSelector": OLD}], "ports": [{"port": 15012}]},
            {"ports": [{"port": 53, "protocol": "UDP"}]},
        ]),
    )  # fmt: skip
    assert set(found) == {"UPG-0370", "UPG-0371", "UPG-0372"}
    assert found["UPG-0370"].blocks
    assert found["UPG-0371"].blocks
    assert found["UPG-0370"].what[0].startswith("15017 from the API server")
    assert found["UPG-0371"].summary.endswith("lets no proxy reach port 15012 of istiod 1-28-10")


def test_a_plugin_a_limit_range_and_a_cordoned_node_are_seen() -> None:
    settings = {"kube-proxy-replacement": "true"}
    ranged = {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}
    found = planted(
        daemon_set("kube-system", "cilium"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "cilium-config"}, "data": settings},
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"namespace": "shop", "name": "small"}, "spec": ranged},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-9"}, "spec": {"unschedulable": True}},
    )  # fmt: skip
    assert set(found) >= {"UPG-0373", "UPG-0379", "UPG-0380"}
    assert "goes past the proxy" in found["UPG-0373"].summary
    assert found["UPG-0379"].summary == "shop/small: istio-proxy asks for 2 of cpu, at most 1 is allowed"
    assert "node-9" in "".join(found["UPG-0380"].what)
