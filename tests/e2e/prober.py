"""Somebody who uses the mesh all the time: creates pods and configuration by dry run, and watches every pod that starts."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.bed.api import Api, Obj, message

PAUSE = 0.5
"""Seconds between two rounds."""
_CONFIG = "/apis/networking.istio.io/v1/namespaces/{namespace}/virtualservices"


@dataclass(frozen=True)
class Fault:
    """A question that was not answered as it must be."""

    at: float
    asked: str
    answer: str

    def __str__(self) -> str:
        return f"{self.at:6.1f} s  {self.asked}: {self.answer}"


@dataclass
class Prober:
    """Asks once in half a second until its block ends.

    Attributes:
        classes: Namespace to what it stands for; a pod that is created there must be injected.
        config: Namespace for VirtualServices.
        asked: Questions so far.
        faults: What went wrong.
        injectors: For each namespace, which revisions injected a dry-run pod, and how often.
        started: Pods that really started in those namespaces.
    """

    api: Api
    classes: dict[str, str]
    config: str = "istio-system"
    asked: int = 0
    faults: list[Fault] = field(default_factory=list)
    injectors: dict[str, Counter[str]] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._begun = time.monotonic()
        self._seen = {self._uid(pod) for pod in self.api.items("/api/v1/pods")}
        self._threads = [threading.Thread(target=task, daemon=True) for task in (self._ask_all, self._watch)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask_all(self) -> None:
        while not self._over.is_set():
            for namespace, about in self.classes.items():
                self._pod(namespace, about)
            self._validation()
            self._over.wait(PAUSE)

    def _pod(self, namespace: str, about: str) -> None:
        got, refusal = dry_run_pod(self.api, namespace)
        self.asked += 1
        if got:
            self.injectors.setdefault(namespace, Counter())[got] += 1
        else:
            self._fault(f"pod in {about}", refusal or "no sidecar, no error")

    def _validation(self) -> None:
        for asked, trouble in validation(self.api, self.config):
            self.asked += 1
            if trouble:
                self._fault(asked, trouble)

    def _watch(self) -> None:
        """Every pod that appears in one of the namespaces: has it a sidecar?"""
        for event in self.api.watch("/api/v1/pods", self._over):
            if event["type"] == "ADDED":
                self._appeared(event["object"])

    def _appeared(self, pod: Obj) -> None:
        uid, namespace = self._uid(pod), pod["metadata"]["namespace"]
        if uid in self._seen or namespace not in self.classes:
            return
        self._seen.add(uid)
        self.started.add(uid)
        if not injector(pod):
            self._fault(f"pod {namespace}/{pod['metadata']['name']}", "started without a sidecar")

    def _fault(self, asked: str, answer: str) -> None:
        self.faults.append(Fault(time.monotonic() - self._begun, asked, answer))

    @staticmethod
    def _uid(pod: Obj) -> str:
        return str(pod["metadata"]["uid"])


def dry_run_pod(
    api: Api,
    namespace: str,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> tuple[str, str]:
    """Revision that injects a pod like that, or else why it cannot be created; both empty where it gets no sidecar."""
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "labels": labels or {}, "annotations": annotations or {}},
        "spec": {"containers": [{"name": "probe", "image": "probe"}]},
    }
    status, answer = api.ask("POST", f"/api/v1/namespaces/{namespace}/pods", body, query={"dryRun": "All"})
    return (injector(answer), "") if status == 201 else ("", f"{status} {message(answer)}")


def validation(api: Api, namespace: str) -> Iterator[tuple[str, str]]:
    """What is asked by dry run, and what is wrong with the answer: a good route goes in, a bad one is denied."""
    for about, good, host in (("valid", True, "web"), ("invalid", False, "")):
        body = virtual_service(f"probe-{about}", host)
        status, answer = api.ask("POST", _CONFIG.format(namespace=namespace), body, query={"dryRun": "All"})
        as_it_must = status == 201 if good else status >= 400 and "denied the request" in message(answer)
        told = "accepted" if status == 201 else message(answer)
        yield f"{about} VirtualService", "" if as_it_must else f"{status} {told}"


def injector(pod: Obj) -> str:
    """Revision that injected *pod*, or rendered it, for a Gateway's; empty when none did."""
    containers = [*pod["spec"].get("containers", ()), *pod["spec"].get("initContainers", ())]
    if not any(c["name"] == "istio-proxy" for c in containers):
        return ""
    annotations: dict[str, Any] = pod["metadata"].get("annotations") or {}
    status = json.loads(annotations.get("sidecar.istio.io/status", "{}"))
    return str(status.get("revision") or annotations.get("istio.io/rev", ""))


def virtual_service(name: str, host: str) -> Obj:
    """A route to *host*; refused by istiod when that is empty."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": ["probe.example"], "http": [{"route": [{"destination": {"host": host}}]}]},
    }
