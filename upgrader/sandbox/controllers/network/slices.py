"""EndpointSlices: of Services with a selector from their pods, of others mirrored from their Endpoints."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import is_deleted, is_ready
from upgrader.sandbox.controllers.network.endpoints import (
    ENDPOINTS,
    SERVICES,
    ServiceLoop,
    has_backends,
    target_of,
)
from upgrader.sandbox.controllers.network.ports import resolved
from upgrader.sandbox.controllers.workloads.templates import owned_by
from upgrader.sandbox.store import Event, Key, Obj

SLICES = ("discovery.k8s.io", "endpointslices")
NAME = "kubernetes.io/service-name"
MANAGER = "endpointslice.kubernetes.io/managed-by"
_OWN, _MIRROR = "endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"
_Port = tuple[str, int, str]


class Slices(ServiceLoop):
    """Keeps one slice for each set of ports; slices somebody else manages are left alone."""

    user = "endpointslice-controller"
    hears = ServiceLoop.hears | {"endpoints"}

    def changed(self, event: Event) -> None:
        super().changed(event)
        if event.key[:2] == ENDPOINTS:
            self.queue.add((*SERVICES, event.key[2], event.key[3]))

    def sync(self, key: Key) -> None:
        service = self.store.get(key)
        if service is None or service["spec"].get("type") == "ExternalName":
            return
        manager = _OWN if has_backends(service) else _MIRROR
        wanted = self._of_pods(service) if manager == _OWN else self._mirrored(key)
        kept = {_ports_of(each): each for each in self._slices(service)}
        for ports, slice_ in kept.items():
            if ports not in wanted:
                self.store.remove((*SLICES, key[2], slice_["metadata"]["name"]))
        for ports, endpoints in wanted.items():
            self._write(service, kept.get(ports), manager, _body(ports, endpoints))

    def _slices(self, service: Obj) -> list[Obj]:
        found = self.index.controlled(service["metadata"]["uid"], *SLICES)
        return [each for each in found if each["metadata"]["labels"].get(MANAGER) in {_OWN, _MIRROR}]

    def _of_pods(self, service: Obj) -> dict[tuple[_Port, ...], list[Obj]]:
        early = bool(service["spec"].get("publishNotReadyAddresses"))
        found: dict[tuple[_Port, ...], list[Obj]] = {}
        for pod in self.backends(service):
            found.setdefault(resolved(service, pod), []).append(_endpoint(pod, early=early))
        return found or {(): []}

    def _mirrored(self, key: Key) -> dict[tuple[_Port, ...], list[Obj]]:
        source = self.store.get((*ENDPOINTS, key[2], key[3])) or {}
        found: dict[tuple[_Port, ...], list[Obj]] = {}
        for subset in source.get("subsets") or ():
            ports = tuple(
                (p.get("name", ""), p["port"], p.get("protocol", "TCP")) for p in subset.get("ports") or ()
            )
            rows = found.setdefault(ports, [])
            for word, ready in (("addresses", True), ("notReadyAddresses", False)):
                rows += [
                    {"addresses": [each["ip"]], "conditions": {"ready": ready}}
                    for each in subset.get(word) or ()
                ]
        return found

    def _write(self, service: Obj, stored: Obj | None, manager: str, body: Obj) -> None:
        meta = service["metadata"]
        if stored is not None and all(stored.get(word) == value for word, value in body.items()):
            return
        labels = {**(meta.get("labels") or {}), NAME: meta["name"], MANAGER: manager}
        about: Obj = {"namespace": meta["namespace"], "ownerReferences": [owned_by(service)]}
        if stored is not None:
            known = stored["metadata"]
            about = {**known, "generation": known.get("generation", 0) + 1}
        else:
            about |= {"name": f"{meta['name']}-{self.store.new_suffix()}", "generation": 1}
            about["generateName"] = f"{meta['name']}-"
        whole = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": about | {"labels": labels},
        }
        self.store.put((*SLICES, meta["namespace"], about["name"]), whole | body)


def _body(ports: tuple[_Port, ...], endpoints: list[Obj]) -> Obj:
    rows = [{"name": name, "port": number, "protocol": protocol} for name, number, protocol in ports]
    ranked = sorted(endpoints, key=lambda each: str(each["addresses"][0]))
    return {"addressType": "IPv4", "endpoints": ranked, "ports": rows}


def _ports_of(slice_: Obj) -> tuple[_Port, ...]:
    return tuple((port["name"], port["port"], port["protocol"]) for port in slice_.get("ports") or ())


def _endpoint(pod: Obj, *, early: bool) -> Obj:
    serving, going = is_ready(pod), is_deleted(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": early or (serving and not going), "serving": serving, "terminating": going},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": target_of(pod),
    }
