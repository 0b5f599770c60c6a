"""ControllerRevisions: the former templates of StatefulSets and DaemonSets."""

from __future__ import annotations

from upgrader.sandbox.controllers.cluster import Cluster
from upgrader.sandbox.controllers.workloads.templates import essence, hash_of, owned_by
from upgrader.sandbox.store import Obj

REVISIONS = ("apps", "controllerrevisions")
HASH = "controller-revision-hash"


def history(cluster: Cluster, owner: Obj) -> list[Obj]:
    """Revisions of a workload, the newest last."""
    found = cluster.index.controlled(owner["metadata"]["uid"], *REVISIONS)
    return sorted(found, key=lambda each: each["revision"])


def current(cluster: Cluster, owner: Obj) -> Obj:
    """The revision of the workload's template: a former one with the highest number if it is the same, else a new one."""
    known, wanted = history(cluster, owner), essence(owner["spec"]["template"])
    number = known[-1]["revision"] + 1 if known else 1
    same = next((each for each in reversed(known) if essence(template_of(each)) == wanted), None)
    if same is not None:
        if same is known[-1]:
            return same
        return cluster.store.put(_key(same), {**same, "revision": number})
    return _create(cluster, owner, wanted, number)


def _create(cluster: Cluster, owner: Obj, wanted: Obj, number: int) -> Obj:
    meta, word = owner["metadata"], hash_of(wanted)
    labels = ((owner["spec"]["template"].get("metadata") or {}).get("labels") or {}) | {HASH: word}
    about = {
        "name": f"{meta['name']}-{word}",
        "namespace": meta["namespace"],
        "labels": labels,
        "ownerReferences": [owned_by(owner)],
    }
    made = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": about, "revision": number}
    template = {"$patch": "replace", **owner["spec"]["template"]}
    whole = made | {"data": {"spec": {"template": template}}}
    return cluster.store.put(_key(whole), whole)


def template_of(revision: Obj) -> Obj:
    """The pod template a revision keeps."""
    kept = revision["data"]["spec"]["template"]
    return {word: value for word, value in kept.items() if word != "$patch"}


def word_of(revision: Obj) -> str:
    """The hash pods of this revision are labelled with by DaemonSets."""
    found: str = revision["metadata"]["labels"][HASH]
    return found


def prune(cluster: Cluster, owner: Obj, living: set[str]) -> None:
    """Delete the oldest revisions that no pod has, beyond the history limit."""
    limit = owner["spec"].get("revisionHistoryLimit", 10)
    idle = [each for each in history(cluster, owner) if each["metadata"]["name"] not in living]
    for each in idle[: max(0, len(idle) - limit)]:
        cluster.doom(_key(each), each)


def _key(revision: Obj) -> tuple[str, str, str, str]:
    meta = revision["metadata"]
    return (*REVISIONS, meta["namespace"], meta["name"])
