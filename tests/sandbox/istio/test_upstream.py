"""Upstream's own manifests of every minor come up in the sandbox and inject."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from upgrader.sandbox.scenarios.expand import namespace

if TYPE_CHECKING:
    from tests.sandbox.istio.conftest import Mesh

DATA = os.environ.get("UPGRADER_TEST_DATA", "")
FOLDER = Path(DATA or "/nonexistent") / "manifests"
VERSIONS = sorted(path.name for path in FOLDER.iterdir()) if DATA else ["none"]
pytestmark = pytest.mark.skipif(
    not DATA, reason="UPGRADER_TEST_DATA is not set, so upstream's manifests are not there"
)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_release_of_upstream_comes_up_and_injects_its_own_proxy(
    mesh_class: type[Mesh], version: str
) -> None:
    minor, revision = int(version.split(".")[1]), version.replace(".", "-")
    mesh = mesh_class("1.24" if minor < 23 else "1.32")
    mesh.builder.create(namespace("meshed", {"istio.io/rev": revision}))
    for file in ("crds.yaml", "base.yaml", "istiod.yaml"):
        mesh.builder.apply((FOLDER / version / file).read_text(), "kubectl")
        mesh.builder.wait()
    spec = {"containers": [{"name": "app", "image": "app:1"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "meshed"}, "spec": spec}
    mesh.builder.create(pod)
    made = mesh.get("/api/v1/namespaces/meshed/pods/p")["spec"]
    everywhere = [*made["containers"], *made.get("initContainers", [])]
    images = [c["image"] for c in everywhere if c["name"] == "istio-proxy"]
    assert images == [f"docker.io/istio/proxyv2:{version}"]
