"""A kubelet for the pods of istiod: the real program of the image's version, on the pod's own address."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import urllib3

from tests.bed import forward
from tests.bed.api import Api, Obj
from tests.bed.build import place
from tests.bed.control_plane import Files
from tests.bed.processes import Processes
from tests.bed.space import python
from tests.bed.versions import STAMPS, istio

_PORTS = {
    "httpAddr": 8080,
    "httpsAddr": 15017,
    "grpcAddr": 15010,
    "secureGRPCAddr": 15012,
    "monitoringAddr": 15014,
}
_NOWHERE = 25017
_PAUSE = 0.2
_FORWARDS = "/apis/kwok.x-k8s.io/v1alpha1/namespaces/{namespace}/portforwards"
_MERGE_STATUS = "application/strategic-merge-patch+json"


FORWARDS: Obj = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "portforwards.kwok.x-k8s.io"},
    "spec": {
        "group": "kwok.x-k8s.io",
        "scope": "Namespaced",
        "names": {
            "kind": "PortForward",
            "listKind": "PortForwardList",
            "plural": "portforwards",
            "singular": "portforward",
        },
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
"""By this kwok learns which pod's port is reached how."""


class Kubelet:
    """Looks after the pods labelled ``app=istiod`` until it is stopped.

    Attributes:
        held: Names of Deployments whose pods are never started.
        deaf: Names of Deployments whose pods start, ready, with nothing on the port of their webhooks: a firewall.
        troubles: What went wrong, for whoever wonders why nothing is ready.
    """

    def __init__(self, api: Api, files: Files, processes: Processes) -> None:
        self._api = api
        self._files = files
        self._processes = processes
        self._pods: dict[str, Obj] = {}
        self._ready: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="kubelet", daemon=True)
        self._pool = urllib3.PoolManager(retries=False, timeout=2.0)
        self.held: set[str] = set()
        self.deaf: set[str] = set()
        self.troubles: list[str] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with everything that runs."""
        self._over.set()
        self._thread.join()
        for name in list(self._pods):
            self._end(name)

    def _live(self) -> None:
        while not self._over.wait(_PAUSE):
            try:
                self._look()
            except Exception as error:  # noqa: BLE001  a kubelet goes on
                self.troubles.append(repr(error))

    def _look(self) -> None:
        found = {_name(pod): pod for pod in self._api.items("/api/v1/pods", labelSelector="app=istiod")}
        wanted = {name: pod for name, pod in found.items() if self._is_wanted(pod)}
        for name in set(self._pods) - set(wanted):
            self._end(name)
        for name, pod in wanted.items():
            if name not in self._pods:
                self._begin(name, pod)
            elif not self._processes.alive(name):
                self._ready.discard(name)
                self._say(pod, ready=False)
                self._run(name, pod)
            elif name not in self._ready and self._answers(pod):
                self._say(pod, ready=True)
                self._ready.add(name)

    def _is_wanted(self, pod: Obj) -> bool:
        metadata, status = pod["metadata"], pod["status"]
        running = status.get("phase") == "Running" and status.get("podIP")
        return bool(running) and not _is_of(pod, self.held) and "deletionTimestamp" not in metadata

    def _begin(self, name: str, pod: Obj) -> None:
        namespace, short = pod["metadata"]["namespace"], pod["metadata"]["name"]
        forwards = [
            {"ports": [port], "command": python(forward.__file__, pod["status"]["podIP"], str(port))}
            for port in _PORTS.values()
        ]
        body = {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "PortForward",
            "metadata": {"name": short, "namespace": namespace},
            "spec": {"forwards": forwards},
        }
        self._api.ask("POST", _FORWARDS.format(namespace=namespace), body)
        self._run(name, pod)
        self._pods[name] = pod

    def _run(self, name: str, pod: Obj) -> None:
        container = next(c for c in pod["spec"]["containers"] if c["name"] == "discovery")
        tag = container["image"].rsplit(":", 1)[-1]
        if tag not in STAMPS:
            raise ValueError(f"no istiod of {container['image']} was built")
        home = self._files.folder / "pods" / name
        home.mkdir(parents=True, exist_ok=True)
        # The program looks for its mounts below its working directory; it finds none and asks the API server instead.
        command = ["env", f"--chdir={home}", *_environment(container, pod), str(place(istio(tag)[0]))]
        ports = _PORTS | ({"httpsAddr": _NOWHERE} if _is_of(pod, self.deaf) else {})
        addresses = [f"--{flag}={pod['status']['podIP']}:{port}" for flag, port in ports.items()]
        own = [a for a in container.get("args", ()) if not a.startswith("--monitoringAddr")]
        config = self._account(pod)
        self._processes.start(
            name, [*command, *own, *addresses, "--ctrlz_port=0", f"--kubeconfig={config}"], dict(_PLAIN)
        )

    def _account(self, pod: Obj) -> Path:
        """A kubeconfig of the pod's own service account: what its roles do not allow fails, as anywhere."""
        namespace, account = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 86400},
        }
        token = self._api.create(path, body)["status"]["token"]
        return self._files.kubeconfig(f"{namespace}-{account}", token=token)

    def _answers(self, pod: Obj) -> bool:
        try:
            return bool(
                self._pool.request("GET", f"http://{pod['status']['podIP']}:8080/ready").status == 200
            )
        except urllib3.exceptions.HTTPError:
            return False

    def _say(self, pod: Obj, *, ready: bool) -> None:
        word = str(ready)
        containers = [
            {
                "name": c["name"],
                "image": c["image"],
                "imageID": "",
                "ready": ready,
                "started": ready,
                "restartCount": 0,
            }
            for c in pod["spec"]["containers"]
        ]
        status: dict[str, Any] = {
            "conditions": [{"type": kind, "status": word} for kind in ("Ready", "ContainersReady")],
            "containerStatuses": containers,
        }
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/status"
        self._api.ask("PATCH", path, {"status": status}, content=_MERGE_STATUS)

    def _end(self, name: str) -> None:
        self._processes.stop(name)
        self._ready.discard(name)
        pod = self._pods.pop(name)
        namespace, short = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self._api.ask("DELETE", f"{_FORWARDS.format(namespace=namespace)}/{short}")


_PLAIN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
_FIELDS = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "spec.serviceAccountName": ("spec", "serviceAccountName"),
    "spec.nodeName": ("spec", "nodeName"),
    "status.podIP": ("status", "podIP"),
    "status.hostIP": ("status", "hostIP"),
}


def _environment(container: Obj, pod: Obj) -> Iterator[str]:
    """What the pod sets, with the fields of the pod that it names."""
    for one in container.get("env", ()):
        field = ((one.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath")
        if field in _FIELDS:
            part, key = _FIELDS[field]
            yield f"{one['name']}={pod[part].get(key, '')}"
        elif "valueFrom" not in one:
            yield f"{one['name']}={one.get('value', '')}"


def _is_of(pod: Obj, deployments: set[str]) -> bool:
    return any(pod["metadata"]["name"].startswith(f"{name}-") for name in deployments)


def _name(pod: Obj) -> str:
    return f"{pod['metadata']['namespace']}.{pod['metadata']['name']}"
