"""A node plugin that was installed with the old revision: the revision goes, and the plugin stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.meshes.building import Site, site
from tests.journeys.meshes.proving import prove, remains
from upgrader.sandbox.store import Obj

pytestmark = [pytest.mark.journey, pytest.mark.slow]


def planted(here: Site) -> Site:
    labels = {
        "istio.io/rev": here.release.name,
        "operator.istio.io/component": "Cni",
        "k8s-app": "istio-cni-node",
    }
    local = here.world.local()

    def made(path: str, kind: str, name: str, **rest: Obj) -> None:
        group = path.split("/")[2:4] if path.startswith("/apis/") else ["v1"]
        metadata = {"name": name, "labels": labels}
        local.create(path, {"apiVersion": "/".join(group), "kind": kind, "metadata": metadata, **rest})

    pods = {"app": "istio-cni-node", "sidecar.istio.io/inject": "false"}
    containers = [{"name": "install-cni", "image": "docker.io/istio/install-cni:1.27.9"}]
    spec = {
        "selector": {"matchLabels": {"app": "istio-cni-node"}},
        "template": {"metadata": {"labels": pods}, "spec": {"hostNetwork": True, "containers": containers}},
    }
    made("/api/v1/namespaces/istio-system/serviceaccounts", "ServiceAccount", "istio-cni")
    made("/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole", "istio-cni")
    made("/apis/apps/v1/namespaces/istio-system/daemonsets", "DaemonSet", "istio-cni-node", spec=spec)
    return here.wait()


def test_the_node_plugin_of_the_old_revision_is_there_when_that_is_gone(tmp_path: Path) -> None:
    here = planted(site("1.27.9").namespace("shop", rev="1-27-9").deployment("shop/cart", 2).wait())
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.28.10"))
    assert proof.wrong == []
    store = proof.journey.world.store
    left = remains(proof.journey.world, "1-27-9")
    assert store.get(("apps", "daemonsets", "istio-system", "istio-cni-node")) is not None
    assert store.get(("", "serviceaccounts", "istio-system", "istio-cni")) is not None
    assert store.get(("rbac.authorization.k8s.io", "clusterroles", "", "istio-cni")) is not None
    assert [name for name in left if "istio-cni" not in name] == []
