"""A whole cluster: real API server, controllers and scheduler, real istiod where a pod of it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import urllib3

from tests.bed import control_plane
from tests.bed.api import Api, Obj, message
from tests.bed.build import Unable, place
from tests.bed.control_plane import Files
from tests.bed.kubelet import FORWARDS, Kubelet
from tests.bed.processes import Processes, await_
from tests.bed.standins.sidecars.client import Sidecars
from tests.bed.versions import HUB, KUBERNETES, istio, programs
from upgrader.model.change import HOME

NODES = 3
_CLUSTER_WIDE = ("admissionregistration.k8s.io", "apiextensions.k8s.io", "rbac.authorization.k8s.io")
PORT_FORWARDS = "/apis/kwok.x-k8s.io/v1alpha1/portforwards"


class Bed:
    """One cluster, from start to stop; in a namespace of its own, so its addresses are always the same.

    Args:
        folder: Empty; everything that the cluster writes.
        minor: Of Kubernetes.
        sample: At most so many sidecars of a namespace connect to their istiod; 0: all.

    Attributes:
        api: As administrator. What a test does to the mesh in passing, it does as ``foreigner``.
    """

    def __init__(self, folder: Path, minor: str, *, sample: int = 0) -> None:
        self.folder = folder
        self.minor = minor
        self._sample = sample
        (folder / "logs").mkdir(parents=True)
        self.processes = Processes(folder / "logs")
        self.files = Files.prepare(folder)
        self._binaries = {p.name: place(p) for p in programs(minor)}
        self.api: Api
        self.kubelet: Kubelet
        self.sidecars: Sidecars

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.processes.stop_all()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sidecars.close()
        self.kubelet.stop()
        self.processes.stop_all()

    def kubeconfig(self, user: str = "admin") -> Path:
        """Of one of ``control_plane.PEOPLE``."""
        return self.files.kubeconfig(user)

    def kubectl(self, *arguments: str, user: str = "foreigner", stdin: str = "") -> str:
        """What kubectl says.

        Raises:
            subprocess.CalledProcessError: it failed; with what it said.
        """
        return self._tool("kubectl", "kubectl", arguments, user, stdin)

    def istioctl(self, stamp: str, *arguments: str, user: str = "foreigner") -> str:
        """What istioctl of that version says."""
        return self._tool("istioctl", str(place(istio(stamp)[1])), arguments, user)

    def install(self, stamp: str, revision: str, *more: str) -> None:
        """A control plane, as ``istioctl install`` makes it."""
        self.istioctl(stamp, "install", "-y", *_wish(stamp, revision), *more)

    def rendered(self, stamp: str, revision: str, *more: str) -> str:
        """The same as manifests, as ``istioctl manifest generate`` writes them."""
        return self.istioctl(stamp, "manifest", "generate", *_wish(stamp, revision), *more)

    def grant(self, user: str, *, everywhere_but: str) -> None:
        """Let *user* read everything, write what is cluster-wide, and write in every namespace but one, our own among them."""
        rules = [
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["namespaces", "pods/proxy"], "verbs": ["*"]},
            *({"apiGroups": [group], "resources": ["*"], "verbs": ["*"]} for group in _CLUSTER_WIDE),
        ]
        self.kubectl("apply", "-f", "-", stdin=json.dumps(_role(f"{user}-everywhere", rules)))
        self._bind("clusterrolebinding", f"{user}-everywhere", user)
        self.kubectl("apply", "-f", "-", stdin=json.dumps(_namespace(HOME)))
        for namespace in self.api.items("/api/v1/namespaces"):
            if (name := namespace["metadata"]["name"]) != everywhere_but:
                self._bind("rolebinding", "cluster-admin", user, "-n", name)

    def revoke(self, user: str, namespace: str) -> None:
        """Take the right to write in one namespace away."""
        self.kubectl("delete", "rolebinding", "-n", namespace, f"{user}-cluster-admin")

    def _bind(self, kind: str, role: str, user: str, *where: str) -> None:
        words = ("create", kind, f"{user}-{role}", f"--clusterrole={role}", f"--user={user}", *where)
        body = self.kubectl(*words, "--dry-run=client", "-o", "json")
        self.kubectl("apply", "-f", "-", stdin=body)

    def _tool(self, name: str, path: str, arguments: tuple[str, ...], user: str, stdin: str = "") -> str:
        binary = str(self._binaries[name]) if path == name else path
        done = subprocess.run(
            [binary, *arguments],
            input=stdin,
            env=self.environment(user),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise ToolFailed(f"{name} {' '.join(arguments)}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def environment(self, user: str) -> Mapping[str, str]:
        """For programs that find the cluster by ``KUBECONFIG``; with a home of their own."""
        return os.environ | {"KUBECONFIG": str(self.kubeconfig(user)), "HOME": str(self.folder)}

    def _start(self) -> None:
        self._run("etcd", control_plane.etcd(self.folder))
        self.processes.require("etcd", lambda: answers("http://127.0.0.1:2379/health"))
        self._run("kube-apiserver", control_plane.apiserver(self.folder))
        self.processes.require("kube-apiserver", self._is_served)
        self.api = Api(self.kubeconfig())
        admin = self.kubeconfig()
        self._run("kube-controller-manager", control_plane.controller_manager(self.folder, admin))
        self._run("kube-scheduler", control_plane.scheduler(admin))
        for number in range(NODES):
            self.api.create("/api/v1/nodes", _node(number, KUBERNETES[self.minor]))
        self.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", FORWARDS)
        await_("port forwards are served", lambda: self.api.ask("GET", PORT_FORWARDS)[0] == 200)
        self._run("kwok", control_plane.kwok(self.folder, admin))
        self.processes.require("kwok", self._nodes_are_ready)
        self.kubelet = Kubelet(self.api, self.files, self.processes)
        self.kubelet.start()
        log = self.folder / "logs/sidecars.log"
        self.sidecars = Sidecars(self.kubeconfig(), sample=self._sample, log=log)

    def _run(self, name: str, arguments: list[str]) -> None:
        self.processes.start(name, [str(self._binaries[name]), *arguments])

    def _is_served(self) -> bool:
        certificate = self.folder / "certificates/apiserver.crt"
        if not certificate.exists():
            return False
        try:
            return Api(self.kubeconfig()).ask("GET", "/readyz")[0] == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _nodes_are_ready(self) -> bool:
        nodes = self.api.items("/api/v1/nodes")
        return all(is_ready(node) and not node["spec"].get("taints") for node in nodes)

    def await_ready(self, namespace: str, deployment: str) -> None:
        """Wait until it is rolled out.

        Raises:
            TimeoutError: with what the kubelet complained about.
        """
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"

        def rolled_out() -> bool:
            status, found = self.api.ask("GET", path)
            if status != 200:
                raise Unable(message(found))
            there = found["status"]
            wanted = found["spec"]["replicas"]
            return bool(
                there.get("observedGeneration") == found["metadata"]["generation"]
                and there.get("availableReplicas", 0) == there.get("updatedReplicas", 0) == wanted
            )

        await_(f"{namespace}/{deployment} is rolled out", rolled_out)


class ToolFailed(Exception):
    """A program of the bed said no, with its words."""


def _wish(stamp: str, revision: str) -> Iterator[str]:
    """What is asked of istioctl: a control plane alone, with images that carry the stamp."""
    wanted = {"profile": "minimal", "revision": revision, "hub": HUB, "tag": stamp}
    for name, value in wanted.items():
        if value:
            yield from ("--set", f"{name}={value}")


def _namespace(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _role(name: str, rules: list[Obj]) -> Obj:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }


def _node(number: int, release: str) -> Obj:
    annotations = {"kwok.x-k8s.io/node": "fake", "kubelet": f"v{release}"}
    labels = {
        "kubernetes.io/hostname": f"node-{number}",
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "annotations": annotations, "labels": labels},
    }


def is_ready(obj: Obj) -> bool:
    """Its condition Ready, of a node or pod."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def answers(url: str) -> bool:
    """Whether somebody says 200 there."""
    try:
        return bool(urllib3.request("GET", url, retries=False, timeout=1.0).status == 200)
    except urllib3.exceptions.HTTPError:
        return False


def clear(folder: Path) -> None:
    """Forget a cluster that was stopped."""
    shutil.rmtree(folder, ignore_errors=True)
