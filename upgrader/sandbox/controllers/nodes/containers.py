"""What a kubelet reports of containers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from upgrader.sandbox.store import Obj

UNSET_IMAGE = "auto"
"""What gateway charts write where injection shall put the proxy; no registry has it."""


def is_native(container: Obj) -> bool:
    """Whether an init container is a sidecar that keeps running."""
    return bool(container.get("restartPolicy") == "Always")


def is_proxy(container: Obj) -> bool:
    """Whether the container is a proxy beside the application."""
    return bool(container["name"] == "istio-proxy")


def workers(spec: Obj) -> Iterator[Obj]:
    """Containers that do the pod's work; the proxy only where there is nothing else."""
    found = [each for each in spec["containers"] if not is_proxy(each)]
    yield from found or spec["containers"]


@lru_cache(maxsize=4096)
def image_id(image: str) -> str:
    """The image with a digest: its own, or one made from the text, so that equal texts have equal digests."""
    if "@sha256:" in image:
        return image
    head, _, tail = image.rpartition(":")
    name = head if head and "/" not in tail else image
    return f"{name}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def container_id(uid: str, name: str, restarts: int) -> str:
    """An id that changes with every start of the container."""
    return f"containerd://{hashlib.sha256(f'{uid}/{name}/{restarts}'.encode()).hexdigest()}"


def _row(container: Obj, state: Obj, *, ready: bool, started: bool, restarts: int) -> Obj:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": ready,
        "started": started,
        "restartCount": restarts,
        "state": state,
        "lastState": {},
    }


def waiting(container: Obj, reason: str, message: str = "", *, restarts: int = 0) -> Obj:
    """A container that is not up."""
    told = {"reason": reason} | ({"message": message} if message else {})
    return _row(container, {"waiting": told}, ready=False, started=False, restarts=restarts)


def running(uid: str, container: Obj, since: str, *, ready: bool, restarts: int = 0) -> Obj:
    """A container that is up."""
    row = _row(container, {"running": {"startedAt": since}}, ready=ready, started=True, restarts=restarts)
    return row | _ids(uid, container, restarts)


def ended(uid: str, container: Obj, since: str, until: str, *, code: int = 0) -> Obj:
    """A container that ran once."""
    told = terminated(uid, container, since, until, code=code, restarts=0)
    row = _row(container, {"terminated": told}, ready=False, started=False, restarts=0)
    return row | _ids(uid, container, 0)


def crashing(uid: str, container: Obj, last: Obj, restarts: int) -> Obj:
    """A container the kubelet waits with after it ended with an error once more."""
    name = container["name"]
    message = f"back-off restarting failed container={name}"
    row = waiting(container, "CrashLoopBackOff", message, restarts=restarts)
    return row | _ids(uid, container, restarts) | {"lastState": {"terminated": last}}


def terminated(uid: str, container: Obj, since: str, until: str, *, code: int, restarts: int) -> Obj:
    """How a run of a container ended."""
    return {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "startedAt": since,
        "finishedAt": until,
        "containerID": container_id(uid, container["name"], restarts),
    }


def _ids(uid: str, container: Obj, restarts: int) -> Obj:
    image = container.get("image", "")
    return {"imageID": image_id(image), "containerID": container_id(uid, container["name"], restarts)}
