"""An istiod of a test's own beside those of the bed: real, of a revision that nothing else uses, with its own settings."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bed.bed import answers
from tests.bed.processes import await_

__all__ = ["RunningIstiod", "istiod"]


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read()).decode()


def free_ports(host: str, count: int) -> list[int]:
    sockets = [socket.create_server((host, 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


class RunningIstiod:
    """Where one listens, and what it counts.

    Attributes:
        xds: Host and port of plaintext xDS.
    """

    def __init__(self, host: str, xds: int, monitoring: int) -> None:
        self.xds = (host, xds)
        self._metrics = f"http://{host}:{monitoring}/metrics"

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
def istiod(
    folder: Path,
    revision: str,
    *,
    env: Mapping[str, str] | None = None,
    mesh: Mapping[str, Any] | None = None,
    host: str = "127.0.0.1",
) -> Iterator[RunningIstiod]:
    """A pilot-discovery, ready.

    Args:
        folder: For its log and mesh configuration.
        revision: Its name; webhooks are not its business.
        env: Over its own environment.
        mesh: Mesh configuration.
        host: Where it listens.
    """
    http, https, xds, secure, monitoring = free_ports(host, 5)
    config = folder / "mesh.yaml"
    config.write_text(json.dumps(mesh or {}), encoding="utf-8")
    listen = {
        "httpAddr": http, "httpsAddr": https, "grpcAddr": xds, "secureGRPCAddr": secure, "monitoringAddr": monitoring,
    }  # fmt: skip
    argv = [
        str(Path(os.environ["UPGRADER_BED_BIN"], "pilot-discovery")), "discovery", "--ctrlz_port", "0",
        "--kubeconfig", os.environ["UPGRADER_BED_KUBECONFIG"], "--meshConfig", str(config),
        *(part for name, port in listen.items() for part in (f"--{name}", f"{host}:{port}")),
    ]  # fmt: skip
    ours = {
        "REVISION": revision,
        "POD_NAME": f"istiod-{revision}",
        "POD_NAMESPACE": "istio-system",
        "CLUSTER_ID": "Kubernetes",
        "PILOT_CERT_PROVIDER": "istiod",
        "INJECTION_WEBHOOK_CONFIG_NAME": "",
        "VALIDATION_WEBHOOK_CONFIG_NAME": "",
    }
    with (folder / "istiod.log").open("ab") as log:
        process = subprocess.Popen(
            argv, env={**os.environ, **ours, **(env or {})}, stdout=log, stderr=log, cwd=folder
        )
    try:
        await_(
            "istiod is ready", lambda: process.poll() is not None or answers(f"http://{host}:{http}/ready")
        )
        assert process.poll() is None, (folder / "istiod.log").read_text(encoding="utf-8")[-3000:]
        yield RunningIstiod(host, xds, monitoring)
    finally:
        process.terminate()
        process.wait(30)
