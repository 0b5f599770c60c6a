"""Whether a whole cluster is up, told from its objects alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from upgrader.sandbox.store import Obj, Store


def unhealthy(store: Store) -> list[str]:
    """What is not up yet, one phrase each; empty when all is well.

    Definitions are established, webhooks of istiods that exist have their caBundle, workloads have all pods ready
    and none too old, pods are ready or finished, Gateways are programmed.
    """
    return [*_definitions(store), *_webhooks(store), *_workloads(store), *_pods(store), *_gateways(store)]


def _definitions(store: Store) -> Iterator[str]:
    for crd in store.list("apiextensions.k8s.io", "customresourcedefinitions"):
        if not _condition(crd, "Established"):
            yield f"definition {crd['metadata']['name']} is not established"


def _webhooks(store: Store) -> Iterator[str]:
    for kind in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
        for configuration in store.list("admissionregistration.k8s.io", kind):
            for entry in configuration.get("webhooks") or []:
                service = entry["clientConfig"].get("service") or {}
                target = store.get(("", "services", service.get("namespace", ""), service.get("name", "")))
                if target is not None and not entry["clientConfig"].get("caBundle"):
                    yield f"webhook {entry['name']} of {configuration['metadata']['name']} has no caBundle"


def _workloads(store: Store) -> Iterator[str]:
    checks: dict[str, Callable[[Obj], bool]] = {
        "deployments": _deployment_is_up,
        "statefulsets": _set_is_up,
        "daemonsets": _daemons_are_up,
    }
    for plural, is_up in checks.items():
        for obj in store.list("apps", plural):
            status = obj.get("status") or {}
            if status.get("observedGeneration") != obj["metadata"].get("generation") or not is_up(obj):
                yield f"{obj['kind']} {_name(obj)} is not rolled out"


def _deployment_is_up(obj: Obj) -> bool:
    wanted, status = obj["spec"].get("replicas", 1), obj["status"]
    return all(status.get(key, 0) == wanted for key in ("replicas", "updatedReplicas", "availableReplicas"))


def _set_is_up(obj: Obj) -> bool:
    wanted, status = obj["spec"].get("replicas", 1), obj["status"]
    return all(status.get(key, 0) == wanted for key in ("replicas", "readyReplicas"))


def _daemons_are_up(obj: Obj) -> bool:
    status = obj["status"]
    wanted = int(status.get("desiredNumberScheduled", 0))
    return 0 < wanted == int(status.get("numberReady", 0))


def _pods(store: Store) -> Iterator[str]:
    for pod in store.list("", "pods"):
        phase = (pod.get("status") or {}).get("phase")
        if pod["metadata"].get("deletionTimestamp") or (
            phase != "Succeeded" and not _condition(pod, "Ready")
        ):
            yield f"pod {_name(pod)} is not ready"


def _gateways(store: Store) -> Iterator[str]:
    for gateway in store.list("gateway.networking.k8s.io", "gateways"):
        if not _condition(gateway, "Programmed"):
            yield f"gateway {_name(gateway)} is not programmed"


def _condition(obj: Obj, kind: str) -> bool:
    found = (obj.get("status") or {}).get("conditions") or []
    return any(each["type"] == kind and each["status"] == "True" for each in found)


def _name(obj: Obj) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
