"""How far the pods of a workload have come: the pods themselves are looked at, not only the counters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from upgrader.cluster.clean import clean_line
from upgrader.cluster.read import image_of, is_live, is_ready, proxy_container, revision_of, settled
from upgrader.model.image import Image
from upgrader.model.kinds import POD, REPLICA_SET, Obj
from upgrader.model.step import Reader, Reading

_HOPELESS = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_RESTARTS = 2
"""How often a container must have come back before CrashLoopBackOff is believed: one crash at start is common."""
_OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def name_of(obj: Obj) -> str:
    """``namespace/name``."""
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def selector_text(selector: Mapping[str, Any]) -> str:
    """A LabelSelector as a query string of a list request."""
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for each in selector.get("matchExpressions") or ():
        form = _OPERATORS[each["operator"]]
        parts.append(form.format(key=each["key"], values=",".join(each.get("values") or ())))
    return ",".join(parts)


def pods_of(cluster: Reader, workload: Obj) -> list[Obj]:
    """The live pods of a Deployment, StatefulSet or DaemonSet, by owner and not by label alone; terminating ones too."""
    namespace, labels = (
        workload["metadata"]["namespace"],
        selector_text(workload["spec"].get("selector") or {}),
    )
    owners = {workload["metadata"]["uid"]}
    if workload["kind"] == "Deployment":
        sets = cluster.list(REPLICA_SET, namespace=namespace, labels=labels)
        owners = {s["metadata"]["uid"] for s in sets if _controller(s) in owners}
    pods = cluster.list(POD, namespace=namespace, labels=labels)
    return [pod for pod in pods if is_live(pod) and _controller(pod) in owners]


def same_image(text: str, wanted: str) -> bool:
    """Whether two image texts name one image; a digest counts where both have one."""
    if not wanted or text == wanted:
        return True
    one, other = image_of(text), image_of(wanted)
    if one.digest and other.digest:
        return one.digest == other.digest
    return _named(one) == _named(other)


def wrong_with(pod: Obj, revision: str, image: str) -> str:
    """Why *pod* is not what it should be, readiness aside; empty when it is."""
    container = proxy_container(pod)
    if container is None:
        return f"{name_of(pod)} has no proxy"
    if (found := revision_of(pod)) != revision:
        return f"{name_of(pod)} was injected by {clean_line(found) or 'nobody we know'}, not by {revision}"
    if not same_image(text := str(container.get("image", "")), image):
        return f"{name_of(pod)} runs {clean_line(text)}, not {image}"
    return ""


def roll(
    cluster: Reader, workload: Obj, *, revision: str, image: str, is_new: Callable[[Obj], bool]
) -> Reading:
    """Whether every live pod of *workload* runs a ready proxy of *revision* and no other pod is left.

    *image* is empty when only the revision counts; *is_new* tells whether a pod was made from the present template: a
    new pod that is wrong stays wrong, an old one only has to go.
    """
    if not _observed(workload):
        return Reading.pending(f"{_title(workload)}: its controller has not seen the new template yet")
    pods = pods_of(cluster, workload)
    new = [pod for pod in pods if is_new(pod) and not pod["metadata"].get("deletionTimestamp")]
    for trouble in _troubles(workload, new, revision, image):
        return Reading.broken(f"{_title(workload)}: {trouble}", revision=revision)
    return _progress(workload, pods, new, revision)


def _troubles(workload: Obj, new: Sequence[Obj], revision: str, image: str) -> Iterator[str]:
    for pod in new:
        if wrong := wrong_with(pod, revision, image):
            yield wrong
    for pod in new:
        for container, reason, message, restarts in _waiting(pod):
            if reason in _HOPELESS or (reason == "CrashLoopBackOff" and restarts >= _RESTARTS):
                yield f"container {container} of {name_of(pod)}: {reason} after {restarts} restarts{message}"
    late = _condition(workload, "Progressing")
    if late.get("status") == "False" and late.get("reason") == "ProgressDeadlineExceeded":
        yield f"ProgressDeadlineExceeded: {clean_line(str(late.get('message', '')))}"


def _progress(workload: Obj, pods: Sequence[Obj], new: Sequence[Obj], revision: str) -> Reading:
    """Counts; wrong pods are out of question here."""
    wanted, good = replicas_of(workload), sum(is_ready(pod) for pod in new)
    old = len(pods) - len(new)
    facts = {"revision": revision, "wanted": str(wanted), "ready": str(good), "left": str(old)}
    if not wanted and not pods:
        return Reading.holds(f"{_title(workload)} is scaled to 0; its next pods are of {revision}", **facts)
    words = f"{good} of {wanted} pods on {revision}"
    if good >= len(new) >= wanted and not old and settled(workload):
        return Reading.holds(f"{_title(workload)}: {words}", **facts)
    words += f", {old} of the former left" if old else ""
    return Reading.pending(f"{_title(workload)}: {words}{_held_up(workload, new)}", **facts)


def replicas_of(workload: Obj) -> int:
    """How many pods it is to have."""
    if workload["kind"] == "DaemonSet":
        return int((workload.get("status") or {}).get("desiredNumberScheduled") or 0)
    found = workload["spec"].get("replicas")
    return 1 if found is None else int(found)


def _held_up(workload: Obj, new: Sequence[Obj]) -> str:
    """The likeliest reason why it is not done, in a few words."""
    if workload["spec"].get("paused"):
        return " (its rollout is paused)"
    failing = _condition(workload, "ReplicaFailure")
    if failing.get("status") == "True":
        return f" ({clean_line(str(failing.get('message', 'pods cannot be created')))})"
    for pod in new:
        for container, reason, message, _ in _waiting(pod):
            return f" (container {container} of {name_of(pod)}: {reason}{message})"
    return ""


def _waiting(pod: Obj) -> Iterator[tuple[str, str, str, int]]:
    """Container, reason, message with a colon, restarts."""
    status = pod.get("status") or {}
    for place in ("initContainerStatuses", "containerStatuses"):
        for each in status.get(place) or ():
            state = (each.get("state") or {}).get("waiting") or {}
            reason = str(state.get("reason", ""))
            if reason and reason not in {"PodInitializing", "ContainerCreating"}:
                message = clean_line(str(state.get("message") or ""))
                yield (
                    each["name"],
                    clean_line(reason),
                    f": {message}" if message else "",
                    int(each.get("restartCount", 0)),
                )


def _condition(workload: Obj, kind: str) -> Mapping[str, Any]:
    conditions = (workload.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == kind), {})


def _observed(workload: Obj) -> bool:
    seen = int((workload.get("status") or {}).get("observedGeneration") or 0)
    return seen >= int(workload["metadata"].get("generation") or 0)


def _controller(obj: Obj) -> str:
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((str(o.get("uid", "")) for o in owners if o.get("controller")), "")


def _named(image: Image) -> tuple[str, str, str]:
    return image.repository, image.tag, image.variant


def _title(workload: Obj) -> str:
    return f"{workload['kind']} {name_of(workload)}"
