"""A real Envoy on a real istiod: both sides count the same, whether it takes what it is sent or not.

The istiod is one of this test's own, beside those of the bed, on ports of 127.0.0.1 and of a revision that nothing uses.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bed.processes import await_
from tests.bed.standins.envoy import STOCK, STOCK_MESH, Envoy
from tests.bed.standins.sidecars.pods import Istiod, Proxy
from tests.e2e.server.istiods import istiod

pytestmark = pytest.mark.usefixtures("control_plane")
REVISION = "envoy-test"
PROXY = Proxy(
    uid="1",
    namespace="default",
    pod="cart-1",
    node="sidecar~127.0.0.1~cart-1.default~default.svc.cluster.local",
    version="1.30.3",
    istiod=Istiod(f"istiod-{REVISION}", "istio-system"),
    metadata={
        "ISTIO_VERSION": "1.30.3",
        "NAMESPACE": "default",
        "NAME": "cart-1",
        "CLUSTER_ID": "Kubernetes",
        "INSTANCE_IPS": "127.0.0.1",
        "LABELS": {"app": "cart"},
        "PROXY_CONFIG": {},
    },
)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    found = tmp_path / "istiod", tmp_path / "envoy"
    for each in found:
        each.mkdir()
    return found


def test_an_envoy_takes_what_istiod_sends_and_is_counted(folders: tuple[Path, Path]) -> None:
    with (
        istiod(folders[0], REVISION, env=STOCK, mesh=STOCK_MESH) as control,
        Envoy(PROXY, control.xds, folders[1]) as envoy,
    ):
        envoy.until(lambda e: all(e.updates()[kind][0] for kind in ("cds", "lds")), 60, "configured")
        assert {kind: rejected for kind, (_, rejected) in envoy.updates().items()} == {"cds": 0, "lds": 0}
        assert "outbound|443||kubernetes.default.svc.cluster.local" in envoy.clusters()
        assert {"virtualOutbound", "virtualInbound"} <= names(envoy)
        assert control.metric("pilot_xds", version=PROXY.version) == 1
        assert control.metric("pilot_total_xds_rejects") == 0
        envoy.close()
        await_("forgotten", lambda: control.metric("pilot_xds", version=PROXY.version) == 0)


def names(envoy: Envoy) -> set[str]:
    return {each["name"] for each in envoy.config_dump()["ListenersConfigDump"]["dynamic_listeners"]}


def test_an_envoy_without_istios_extensions_really_rejects_and_istiod_counts_it(
    folders: tuple[Path, Path],
) -> None:
    with (
        istiod(folders[0], REVISION, mesh={"enableAutoMtls": False}) as control,
        Envoy(PROXY, control.xds, folders[1]) as envoy,
    ):
        envoy.until(lambda e: e.updates()["cds"][1] > 0, 60, "rejecting")
        await_("counted", lambda: control.metric("pilot_total_xds_rejects", type="cds") > 0)
        assert control.metric("pilot_xds", version=PROXY.version) == 1
