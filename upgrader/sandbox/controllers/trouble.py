"""Ways in which a workload's pods go wrong, told by a test or by an annotation on the workload.

The annotation reads ``KIND[=SECONDS][; where=SELECTOR][; existing]``, for example
``crash-loop; where=istio.io/rev=1-27-9``. Only pods created after the trouble began have it, unless it says existing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from upgrader.sandbox.controllers.index import Index, controller_of
from upgrader.sandbox.selectors import all_hold, parse_label_selector
from upgrader.sandbox.store import Obj, Store

ANNOTATION = "sandbox.upgrader/trouble"
What = Literal["slow", "never-ready", "crash-loop", "image-pull"]
WHATS: tuple[str, ...] = get_args(What)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with the pods of a workload.

    Attributes:
        seconds: For slow: virtual seconds until Ready.
        where: Label selector on the pods concerned; empty means all.
        existing: Pods that already run have it too.
        revision: First store revision of the pods that have it; set when it begins. 0 when an annotation told it, so
            that it was always there.
    """

    what: What
    seconds: float = 60.0
    where: str = ""
    existing: bool = False
    revision: int = 0

    def concerns(self, pod: Obj, born: int) -> bool:
        """Whether a pod first seen at a store revision has it."""
        if not self.existing and born < self.revision:
            return False
        return not self.where or all_hold(
            parse_label_selector(self.where), pod["metadata"].get("labels") or {}
        )


def parse_trouble(text: str) -> Trouble:
    """The trouble an annotation describes.

    Raises:
        ValueError: it is none of slow, never-ready, crash-loop, image-pull, or its seconds are no number.
    """
    first, *rest = [part.strip() for part in text.split(";")]
    what, _, seconds = first.partition("=")
    if what not in WHATS:
        raise ValueError(f"unknown trouble {what!r}: one of {', '.join(WHATS)}")
    where = next((part.removeprefix("where=") for part in rest if part.startswith("where=")), "")
    return Trouble(cast("What", what), float(seconds or 60.0), where, "existing" in rest)


class Troubles:
    """Which trouble a pod has: its own annotation, then its owners' ones, then what a test said of them."""

    def __init__(self, store: Store, index: Index) -> None:
        self._store = store
        self._index = index
        self._told: dict[tuple[str, str, str], Trouble] = {}
        self._listeners: list[Callable[[str], None]] = []

    def begin(self, kind: str, namespace: str, name: str, trouble: Trouble) -> None:
        """From now on the pods of this workload have this trouble."""
        self._told[kind.lower(), namespace, name] = replace(trouble, revision=self._store.revision + 1)
        self._tell(namespace)

    def end(self, kind: str, namespace: str, name: str) -> None:
        """Forget what was said of this workload; annotations stay."""
        self._told.pop((kind.lower(), namespace, name), None)
        self._tell(namespace)

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call listener with a namespace whenever something about its workloads was said."""
        self._listeners.append(listener)

    def copy_from(self, other: Troubles) -> None:
        """Have heard all that another one was told."""
        self._told = dict(other._told)

    def _tell(self, namespace: str) -> None:
        for listener in self._listeners:
            listener(namespace)

    def of(self, pod: Obj, born: int) -> Trouble | None:
        """The trouble of a pod first seen at a store revision, or None.

        Raises:
            ValueError: an annotation cannot be read.
        """
        for obj in self._lineage(pod):
            meta = obj["metadata"]
            text = (meta.get("annotations") or {}).get(ANNOTATION)
            told = self._told.get((obj["kind"].lower(), meta.get("namespace", ""), meta["name"]))
            for found in (told, parse_trouble(text) if text else None):
                if found is not None and found.concerns(pod, born):
                    return found
        return None

    def note(self, pod: Obj, name: str) -> str | None:
        """An annotation of the pod or of the nearest owner that has it."""
        for obj in self._lineage(pod):
            found = (obj["metadata"].get("annotations") or {}).get(name)
            if found is not None:
                return str(found)
        return None

    def _lineage(self, pod: Obj) -> list[Obj]:
        chain = [pod]
        while (reference := controller_of(chain[-1])) and len(chain) < 5:
            key = self._index.key_of(reference["uid"])
            owner = self._store.get(key) if key else None
            if owner is None:
                break
            chain.append(owner)
        return chain
