"""Objects put back as the backup has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
import yaml

from upgrader.cluster.read import settled
from upgrader.model.change import Change, Create, Replace
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.step import Reader, Reading
from upgrader.steps.back_up import Entry, is_backed_up, load_index
from upgrader.steps.drift import damaged

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SERVERS = frozenset(
    [
        "managedFields",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ]
)
"""Metadata that the API server writes."""
_CONTROLLERS = "deployment.kubernetes.io/revision"
"""Counts rollouts; going back is one more rollout."""


class Copy(msgspec.Struct, frozen=True):
    """One object of the backup beside what is there now.

    Attributes:
        served: Whether the API server knows its kind.
    """

    ref: Ref
    body: Obj
    live: Obj | None
    served: bool


class Restore(msgspec.Struct, frozen=True, kw_only=True, tag="restore", tag_field="step"):
    """Each object of *refs* (all of the backup when empty) equals its copy in *folder*, metadata that the server owns aside.

    What is missing is created, what differs is replaced, what is equal is left alone. Istio's own kinds are written in the
    version that the server prefers by now, for theirs all have one schema; Kubernetes' in that of the copy. How many
    replicas a Deployment has is its autoscaler's affair and stays as it is.
    """

    folder: str
    refs: tuple[Ref, ...] = ()

    def observe(self, cluster: Reader) -> tuple[Copy, ...]:
        """The copies, each checked against its digest, and the objects in their place.

        Raises:
            UpgradeError: UPG-0802: the backup is missing, damaged, or lacks one of the objects.
        """
        served = {(k.group, k.plural): k for k in cluster.kinds()}
        found = []
        for entry in self._entries(cluster):
            kind = served.get((entry.group, entry.plural))
            if kind is not None and not is_backed_up(entry.group):
                # versions of Kubernetes' own kinds differ: autoscaling/v1 has no metrics
                kind = entry.ref.kind
            ref = entry.ref if kind is None else Ref(kind, entry.name, entry.namespace)
            body = {**self._body(cluster, entry), "apiVersion": ref.kind.api_version}
            found.append(Copy(ref, body, None if kind is None else cluster.get(ref), kind is not None))
        return tuple(found)

    def diff(self, seen: Sequence[Copy]) -> tuple[Change, ...]:
        """One create or replace for each that differs; what has no kind any more cannot be sent."""
        return tuple(_change(copy) for copy in seen if copy.served and not _equal(copy))

    def verify(self, cluster: Reader) -> Reading:
        """Whether all are as they were, Deployments rolled out."""
        seen = self.observe(cluster)
        homeless = [copy.ref for copy in seen if not copy.served]
        if homeless:
            return Reading.broken(
                f"{homeless[0]} cannot be put back: {homeless[0].kind.resource} is not served any more"
            )
        gap = [copy.ref for copy in seen if not _equal(copy)]
        if gap:
            return Reading.pending(f"{len(gap)} of {len(seen)} objects differ from the backup: {gap[0]}")
        for copy in seen:
            if copy.ref.kind.kind == "Deployment" and not settled(copy.live or {}):
                return Reading.pending(f"{copy.ref} is not rolled out yet")
        return Reading.holds(f"{len(seen)} objects are as the backup has them")

    def title(self) -> str:
        """What is put back, for plan and journal."""
        what = f"{len(self.refs)} objects" if self.refs else "everything"
        few = f" ({', '.join(map(str, self.refs))})" if 0 < len(self.refs) <= 2 else ""
        return f"put back {what}{few} from {self.folder}"

    def _entries(self, cluster: Reader) -> list[Entry]:
        index = load_index(cluster, self.folder)
        if index is None:
            raise damaged(f"{self.folder}/index.json", "it is not there")
        if not self.refs:
            return list(index.objects)
        known = {_place(entry.ref): entry for entry in index.objects}
        wanted = [ref for ref in self.refs if ref not in index.absent]
        for ref in wanted:
            if _place(ref) not in known:
                raise damaged(f"{self.folder}/index.json", f"{ref} is not in it")
        return [known[_place(ref)] for ref in wanted]

    def _body(self, cluster: Reader, entry: Entry) -> Obj:
        file = f"{self.folder}/{entry.file}"
        data = cluster.saved(file)
        if data is None:
            raise damaged(file, "it is not there")
        if sha256(data).hexdigest() != entry.digest:
            raise damaged(file, "its content is not what the index says")
        found: Obj = yaml.load(data, Loader=_LOADER)  # noqa: S506  CSafeLoader or SafeLoader
        return found


def _place(ref: Ref) -> tuple[str, str, str, str]:
    kind: Kind = ref.kind
    return kind.group, kind.plural, ref.namespace, ref.name


def _change(copy: Copy) -> Change:
    body = _wanted(copy.body)
    if copy.live is None:
        return Create(copy.ref, body)
    metadata = copy.live["metadata"]
    if copy.ref.kind.kind == "Deployment":
        body = {**body, "spec": {**body["spec"], "replicas": copy.live["spec"].get("replicas", 1)}}
    return Replace(copy.ref, body, metadata["uid"], metadata["resourceVersion"])


def _equal(copy: Copy) -> bool:
    if copy.live is None:
        return False
    return _compared(copy.body) == _compared({**copy.live, "kind": copy.body["kind"]})


def _wanted(body: Obj) -> Obj:
    """What is sent: without status and without what the server and its controllers write into metadata."""
    metadata = {k: v for k, v in body["metadata"].items() if k not in _SERVERS}
    for part in ("annotations", "labels"):
        kept = {k: v for k, v in (metadata.pop(part, None) or {}).items() if k != _CONTROLLERS}
        metadata |= {part: kept} if kept else {}
    return {k: v for k, v in body.items() if k != "status"} | {"metadata": metadata}


def _compared(body: Obj) -> Mapping[str, Any]:
    wanted = _wanted(body)
    if wanted["kind"] == "Deployment":
        wanted["spec"] = {k: v for k, v in wanted["spec"].items() if k != "replicas"}
    return wanted
