"""A real Envoy on a real istiod: both sides count the same, whether it takes what it is sent or not.

The istiod is one of this test's own, beside those of the bed, on ports of 127.0.0.1 and of a revision that nothing uses.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bed.standins.envoy import STOCK, STOCK_MESH, Envoy
from tests.bed.standins.sidecars.pods import Istiod, Proxy

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


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read()).decode()


def until(wanted: Callable[[], bool], words: str) -> None:
    """Wait at most a minute."""
    pause = threading.Event()
    for _ in range(600):
        try:
            if wanted():
                return
        except urllib.error.URLError:
            pass
        pause.wait(0.1)
    pytest.fail(f"not {words} after a minute")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


class RunningIstiod:
    """Where one listens."""

    def __init__(self, xds: int, monitoring: int) -> None:
        self.xds = ("127.0.0.1", xds)
        self._metrics = f"http://127.0.0.1:{monitoring}/metrics"

    def metric(self, name: str, **labels: str) -> float:
        """Sum of the samples that have these labels; 0 where there is none."""
        total = 0.0
        for line in fetch(self._metrics).splitlines():
            if (match := re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)) and all(
                f'{k}="{v}"' in (match[1] or "") for k, v in labels.items()
            ):
                total += float(match[2])
        return total


@contextmanager
def istiod(folder: Path, env: Mapping[str, str], mesh: Mapping[str, Any]) -> Iterator[RunningIstiod]:
    """A pilot-discovery of its own revision."""
    http, https, xds, secure, monitoring = free_ports(5)
    (folder / "mesh.yaml").write_text(json.dumps(mesh))
    listen = {
        "httpAddr": http, "httpsAddr": https, "grpcAddr": xds, "secureGRPCAddr": secure, "monitoringAddr": monitoring,
    }  # fmt: skip
    argv = [
        str(Path(os.environ["UPGRADER_BED_BIN"], "pilot-discovery")), "discovery", "--ctrlz_port", "0",
        "--kubeconfig", os.environ["UPGRADER_BED_KUBECONFIG"], "--meshConfig", str(folder / "mesh.yaml"),
        *(part for name, port in listen.items() for part in (f"--{name}", f"127.0.0.1:{port}")),
    ]  # fmt: skip
    ours = {
        "REVISION": REVISION,
        "POD_NAME": f"istiod-{REVISION}",
        "POD_NAMESPACE": "istio-system",
        "CLUSTER_ID": "Kubernetes",
        "PILOT_CERT_PROVIDER": "istiod",
        "INJECTION_WEBHOOK_CONFIG_NAME": "",
        "VALIDATION_WEBHOOK_CONFIG_NAME": "",
    }
    with (folder / "istiod.log").open("wb") as log:
        process = subprocess.Popen(
            argv, env={**os.environ, **ours, **env}, stdout=log, stderr=log, cwd=folder
        )
    try:
        until(lambda: fetch(f"http://127.0.0.1:{http}/ready") is not None, "ready")
        yield RunningIstiod(xds, monitoring)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    found = tmp_path / "istiod", tmp_path / "envoy"
    for each in found:
        each.mkdir()
    return found


def test_an_envoy_takes_what_istiod_sends_and_is_counted(folders: tuple[Path, Path]) -> None:
    with istiod(folders[0], STOCK, STOCK_MESH) as control, Envoy(PROXY, control.xds, folders[1]) as envoy:
        envoy.until(lambda e: all(e.updates()[kind][0] for kind in ("cds", "lds")), 60, "configured")
        assert {kind: rejected for kind, (_, rejected) in envoy.updates().items()} == {"cds": 0, "lds": 0}
        assert "outbound|443||kubernetes.default.svc.cluster.local" in envoy.clusters()
        assert {"virtualOutbound", "virtualInbound"} <= names(envoy)
        assert control.metric("pilot_xds", version=PROXY.version) == 1
        assert control.metric("pilot_total_xds_rejects") == 0
        envoy.close()
        until(lambda: control.metric("pilot_xds", version=PROXY.version) == 0, "forgotten")


def names(envoy: Envoy) -> set[str]:
    return {each["name"] for each in envoy.config_dump()["ListenersConfigDump"]["dynamic_listeners"]}


def test_an_envoy_without_istios_extensions_really_rejects_and_istiod_counts_it(
    folders: tuple[Path, Path],
) -> None:
    with (
        istiod(folders[0], {}, {"enableAutoMtls": False}) as control,
        Envoy(PROXY, control.xds, folders[1]) as envoy,
    ):
        envoy.until(lambda e: e.updates()["cds"][1] > 0, 60, "rejecting")
        until(lambda: control.metric("pilot_total_xds_rejects", type="cds") > 0, "counted")
        assert control.metric("pilot_xds", version=PROXY.version) == 1
