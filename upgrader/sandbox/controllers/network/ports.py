"""Which ports of a pod a Service leads to."""

from __future__ import annotations

from upgrader.sandbox.store import Obj


def resolved(service: Obj, pod: Obj) -> tuple[tuple[str, int, str], ...]:
    """(name, number, protocol) of each port of the Service that the pod has; names of ports are looked up in the pod."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = _number(port, pod)
        if number:
            found.append((port.get("name", ""), number, port.get("protocol", "TCP")))
    return tuple(found)


def _number(port: Obj, pod: Obj) -> int:
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    if target.isdigit():
        return int(target)
    sidecars = [
        each for each in pod["spec"].get("initContainers") or () if each.get("restartPolicy") == "Always"
    ]
    for container in [*pod["spec"]["containers"], *sidecars]:
        for each in container.get("ports") or ():
            if each.get("name") == target and each.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return int(each["containerPort"])
    return 0
