"""Endpoints: the pods behind a Service, the ready ones apart from those that are not."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import ENDED, is_deleted, is_ready, phase
from upgrader.sandbox.controllers.index import PODS
from upgrader.sandbox.controllers.loop import Loop
from upgrader.sandbox.controllers.network.ports import resolved
from upgrader.sandbox.store import Event, Key, Obj

SERVICES = ("", "services")
ENDPOINTS = ("", "endpoints")
_HEADLESS = "service.kubernetes.io/headless"
_Places = dict[tuple[tuple[str, int, str], ...], tuple[list[Obj], list[Obj]]]


class ServiceLoop(Loop):
    """A controller that looks at a Service when it or a pod it selects changes."""

    hears = frozenset({"services", "pods"})

    def changed(self, event: Event) -> None:
        if event.key[:2] == SERVICES:
            self.queue.add(event.key)
        elif event.key[:2] == PODS and _tells(event):
            self._mark(event)

    def _mark(self, event: Event) -> None:
        after = (event.obj["metadata"].get("labels") or {}).items()
        before = after if event.old is None else (event.old["metadata"].get("labels") or {}).items()
        for service in self.index.all(*SERVICES, event.key[2]):
            wanted = (service["spec"].get("selector") or {}).items()
            if wanted and (wanted <= after or wanted <= before):
                self.queue.add((*SERVICES, event.key[2], service["metadata"]["name"]))

    def backends(self, service: Obj) -> list[Obj]:
        """Pods with an address that the Service selects, those on their way out included."""
        selector, namespace = service["spec"]["selector"], service["metadata"]["namespace"]
        pods = (pod for pod in self.index.all(*PODS, namespace) if _selected(selector, pod))
        return [pod for pod in pods if (pod.get("status") or {}).get("podIP") and phase(pod) not in ENDED]


class Endpoints(ServiceLoop):
    """Writes Endpoints of Services with a selector; those of others are their owner's business."""

    user = "endpoint-controller"

    def sync(self, key: Key) -> None:
        service, place = self.store.get(key), (*ENDPOINTS, key[2], key[3])
        stored = self.store.get(place)
        if service is None:
            if stored is not None:
                self.store.remove(place)
            return
        if not has_backends(service):
            return
        subsets = self._subsets(service)
        labels = dict(service["metadata"].get("labels") or {})
        if service["spec"].get("clusterIP") == "None":
            labels[_HEADLESS] = ""
        known = stored["metadata"] if stored else {"name": key[3], "namespace": key[2]}
        meta = {word: value for word, value in known.items() if word != "labels"} | (
            {"labels": labels} if labels else {}
        )
        made: Obj = {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta}
        self.store.put(place, made | ({"subsets": subsets} if subsets else {}))

    def _subsets(self, service: Obj) -> list[Obj]:
        early = bool(service["spec"].get("publishNotReadyAddresses"))
        found: _Places = {}
        for pod in self.backends(service):
            ready = early or (is_ready(pod) and not is_deleted(pod))
            if is_deleted(pod) and not early:
                continue
            places = found.setdefault(resolved(service, pod), ([], []))
            places[0 if ready else 1].append(_address(pod))
        return [_subset(ports, *places) for ports, places in sorted(found.items())]


def has_backends(service: Obj) -> bool:
    """Whether a Service finds its pods by labels."""
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def target_of(pod: Obj) -> Obj:
    """The reference an endpoint carries to its pod."""
    meta = pod["metadata"]
    return {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}


def _subset(ports: tuple[tuple[str, int, str], ...], ready: list[Obj], waiting: list[Obj]) -> Obj:
    made: Obj = {}
    for word, places in (("addresses", ready), ("notReadyAddresses", waiting)):
        if places:
            made[word] = sorted(places, key=lambda each: str(each["ip"]))
    listed: list[Obj] = [{"name": name} if name else {} for name, _, _ in ports]
    for row, (_, port, protocol) in zip(listed, ports, strict=True):
        row |= {"port": port, "protocol": protocol}
    return made | ({"ports": listed} if listed else {})


def _address(pod: Obj) -> Obj:
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": target_of(pod)}


def _selected(selector: Obj, pod: Obj) -> bool:
    return selector.items() <= (pod["metadata"].get("labels") or {}).items()


def _tells(event: Event) -> bool:
    """Whether a change of a pod can move an endpoint."""
    return event.old is None or event.type == "DELETED" or _view(event.old) != _view(event.obj)


def _view(pod: Obj) -> tuple[object, ...]:
    meta, status = pod["metadata"], pod.get("status") or {}
    return (meta.get("labels"), is_deleted(pod), is_ready(pod), phase(pod), status.get("podIP"))
