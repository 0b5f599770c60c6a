"""Which istiod processes run, told from the pods alone: revision, release, environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from upgrader.model.version import UNNAMED, Version
from upgrader.sandbox.store import Obj, Store

DISCOVERY = "discovery"
"""The container that makes a pod an istiod (all charts 1.12 to 1.31)."""
FALLBACK = Version(1, 0, 0)
"""What an istiod with a free-form tag (``latest``) counts as: the oldest, so no later feature is assumed."""


@dataclass(frozen=True, slots=True)
class Istio:
    """One istiod pod as its peers see it.

    Attributes:
        revision: what it calls itself; ``default`` when installed without a revision.
        version: release of its pilot image.
        tag: the image tag as written, variant included.
    """

    namespace: str
    pod: str
    uid: str
    revision: str
    version: Version
    tag: str
    env: Mapping[str, str]
    ready: bool
    address: str

    @property
    def suffix(self) -> str:
        """What the charts append to names of this revision: empty or ``-REVISION``."""
        return "" if self.revision == UNNAMED else f"-{self.revision}"

    def at_least(self, minor: int) -> bool:
        """True when this istiod is of minor 1.*minor* or later, release candidates included."""
        return (self.version.major, self.version.minor) >= (1, minor)


def istiod_of(pod: Obj) -> Istio | None:
    """The istiod a pod runs, or None for any other pod."""
    container = next((c for c in pod["spec"].get("containers") or [] if c.get("name") == DISCOVERY), None)
    if container is None:
        return None
    meta = pod["metadata"]
    env = environment(container)
    tag = image_tag(str(container.get("image", "")))
    return Istio(
        namespace=meta.get("namespace", ""),
        pod=meta.get("name", ""),
        uid=meta.get("uid", ""),
        revision=env.get("REVISION") or UNNAMED,
        version=release_of(tag),
        tag=tag,
        env=env,
        ready=is_ready(pod),
        address=(pod.get("status") or {}).get("podIP", ""),
    )


def running(store: Store) -> list[Istio]:
    """Every istiod pod that answers now, in order of namespace and name."""
    return [found for pod in istiod_pods(store) if (found := istiod_of(pod)) and found.ready]


def revisions(store: Store) -> dict[str, Istio]:
    """One answering istiod per revision; of several replicas the first by name."""
    found: dict[str, Istio] = {}
    for istiod in running(store):
        found.setdefault(istiod.revision, istiod)
    return found


def istiod_pods(store: Store) -> Iterator[Obj]:
    """Pods of the namespaces that hold an istiod Deployment, so that no mesh-wide list is needed."""
    for namespace in istiod_namespaces(store):
        yield from store.list("", "pods", namespace)


def istiod_namespaces(store: Store) -> list[str]:
    """Namespaces with at least one Deployment labelled ``app=istiod``."""
    return sorted(
        {
            d["metadata"]["namespace"]
            for d in store.list("apps", "deployments")
            if labels_of(d).get("app") == "istiod"
        }
    )


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Literal environment variables of a container; references to fields are left out."""
    return {e["name"]: str(e["value"]) for e in container.get("env") or [] if e.get("value") is not None}


def image_tag(image: str) -> str:
    """The tag of an image reference, empty when it has none or is a digest."""
    name = image.split("@", 1)[0]
    head, _, tag = name.rpartition(":")
    return tag if head and "/" not in tag else ""


@lru_cache(maxsize=256)
def release_of(tag: str) -> Version:
    """The release a tag names, or ``FALLBACK`` for free-form tags."""
    return Version.of_tag(tag) or FALLBACK


def labels_of(obj: Obj | None) -> dict[str, str]:
    """Labels of an object, never None."""
    return ((obj or {}).get("metadata") or {}).get("labels") or {}


def annotations_of(obj: Obj | None) -> dict[str, str]:
    """Annotations of an object, never None."""
    return ((obj or {}).get("metadata") or {}).get("annotations") or {}


def is_ready(pod: Obj) -> bool:
    """True for a pod that is Ready and not on its way out."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
