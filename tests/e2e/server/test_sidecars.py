"""Stand-ins for sidecars on a real istiod: it counts them, what they reject, and those that go.

Runs where the bed's pod addresses are local; pods and Service are of a namespace of this test's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.bed.api import Api, message
from tests.bed.processes import await_
from tests.bed.standins.sidecars.client import Sidecars
from tests.e2e.server.istiods import istiod

HOST = "10.244.255.250"
pytestmark = pytest.mark.usefixtures("control_plane")
REVISION, PODS = "sidecars-test", 20
NAMESPACE = f"sidecars-{uuid4().hex[:8]}"
VERSION = "1.30.3"


class Writing:
    """Objects of the test's own namespace."""

    def __init__(self) -> None:
        self._api = Api(Path(os.environ["UPGRADER_BED_KUBECONFIG"]))

    def send(self, method: str, path: str, body: Any = None, *, content: str = "application/json") -> None:
        status, answer = self._api.ask(method, path, body, content=content)
        assert status < 300, (method, path, status, message(answer))

    def pod(self, name: str, address: str) -> None:
        """Running, with a proxy of the test's istiod, and no business of a scheduler or a kubelet."""
        pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
        env = [
            {"name": "CA_ADDR", "value": f"istiod-{REVISION}.{NAMESPACE}.svc:15012"},
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        ]
        proxy = {
            "name": "istio-proxy",
            "image": f"istio/proxyv2:{VERSION}",
            "args": ["proxy", "sidecar"],
            "env": env,
        }
        self.send(
            "POST", pods,
            {
                "metadata": {"name": name},
                "spec": {
                    "schedulerName": "nobody", "automountServiceAccountToken": False,
                    "containers": [{"name": "app", "image": "app:1"}, proxy],
                },
            },
        )  # fmt: skip
        status = {"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}}
        self.send("PATCH", f"{pods}/{name}/status", status, content="application/merge-patch+json")

    def delete(self, name: str) -> None:
        self.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}", {"gracePeriodSeconds": 0})

    def endpoint(self, port: int) -> None:
        """Where the istiod of the test's revision is."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
        self.send(
            "PATCH", f"{path}/istiod?fieldManager=test&force=true",
            {
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": "istiod", "labels": {"kubernetes.io/service-name": f"istiod-{REVISION}"}},
                "endpoints": [{"addresses": [HOST], "conditions": {"ready": True}}],
                "ports": [{"name": "grpc-xds", "port": port}],
            },
            content="application/apply-patch+yaml",
        )  # fmt: skip


@pytest.fixture
def writing() -> Iterator[Writing]:
    found = Writing()
    found.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    try:
        for number in range(PODS):
            found.pod(f"cart-{number}", f"10.244.255.{number + 1}")
        yield found
    finally:
        found.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods", {"gracePeriodSeconds": 0})
        found.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}", {"propagationPolicy": "Background"})


def test_a_real_istiod_counts_stand_ins_their_rejections_and_their_end(
    writing: Writing, tmp_path: Path
) -> None:
    with Sidecars(os.environ["UPGRADER_BED_KUBECONFIG"], namespace=NAMESPACE) as sidecars:
        with istiod(tmp_path, REVISION, host=HOST) as control:
            writing.endpoint(control.xds[1])
            sidecars.wait("synced", PODS, namespace=NAMESPACE)
            assert control.metric("pilot_xds", version=VERSION) == PODS
            assert control.metric("pilot_total_xds_rejects") == 0

            assert sidecars.reject("no such filter", namespace=NAMESPACE, pod="cart-3", kind="LDS") == 1
            sidecars.wait("rejecting", 1, namespace=NAMESPACE)
            await_("rejected", lambda: control.metric("pilot_total_xds_rejects", type="lds") == 1)
            sidecars.accept(namespace=NAMESPACE)
            sidecars.wait("synced", namespace=NAMESPACE)

            writing.delete("cart-3")
            await_("forgotten", lambda: control.metric("pilot_xds", version=VERSION) == PODS - 1)
        sidecars.wait("waiting", PODS - 1, namespace=NAMESPACE)
        with istiod(tmp_path, REVISION, host=HOST) as control:
            writing.endpoint(control.xds[1])
            sidecars.wait("synced", PODS - 1, namespace=NAMESPACE)
            assert control.metric("pilot_xds", version=VERSION) == PODS - 1
