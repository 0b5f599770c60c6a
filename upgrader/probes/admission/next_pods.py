"""Whose proxy the next pods of workloads get: resolved from the webhooks that are there now, and proved by dry run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from upgrader.cluster.clean import clean_line
from upgrader.cluster.read import (
    injected_revision,
    proxy_container,
    template_of,
    webhooks_of,
    workload_of,
)
from upgrader.model.change import Create
from upgrader.model.codec import digest
from upgrader.model.failures import ClusterFailure, Denied, Forbidden, Invalid
from upgrader.model.injection import ENTRY, INJECT, Injection, Injectors, Istiods, Likeness
from upgrader.model.injector import InjectorSettings
from upgrader.model.kinds import MUTATING_WEBHOOK, NAMESPACE, POD, Labels, Obj, Ref
from upgrader.model.snapshot import Workload
from upgrader.model.step import Reader, Reading, Verdict, counted
from upgrader.probes.admission.injection import NOT_CALLED, InjectionCase, has_gone, probe_pod
from upgrader.probes.rollout import same_image
from upgrader.probes.unread import could_not_read, pending_if_unread

DECIDING = ("inject.istio.io/templates", "sidecar.istio.io/proxyImage", "sidecar.istio.io/proxyImageType")
"""Annotations that decide what an injector makes of a pod, beside the one that refuses it (``INJECT``)."""
_BY_ADMISSION = re.compile(r'^\w+ "[^"]*" is forbidden: ')
"""A built-in admission plugin says no: it names the object, which the refusal of an authoriser does not."""
_NO_ROOM, _NO_DRY_RUN = "exceeded quota", "does not support dry run"
_SHOWN = 3


def question(likeness: Likeness, labels: Labels, notes: Labels, also: Iterable[str]) -> tuple[Any, ...]:
    """Two pods of one question get the same answer: of one likeness, and alike in what istiod itself looks at.

    Args:
        likeness: What selectors make of them.
        labels: Of the pod.
        notes: Its annotations.
        also: Labels that istiod's own selectors look at.
    """
    return (likeness, *map(labels.get, also), *map(notes.get, DECIDING))


class Alike(msgspec.Struct, kw_only=True):
    """Workloads whose next pods are one question, since they agree on everything that decides about injection."""

    resolved: Injection
    names: list[str]
    template: Obj
    workload: Workload
    """The first of them, with the labels that its restart gives it."""
    labels: Labels
    """Those of its pods that selectors look at."""


class NextPodsOn(msgspec.Struct, frozen=True, kw_only=True, tag="next-pods-on", tag_field="probe"):
    """The next pod of each of *workloads* gets the proxy of *revision*, from one injector and no other.

    Asked twice. Selectors of the webhooks, labels of the namespaces and the pod templates are read as they are now and
    resolved; and of each distinct template a pod is sent by dry run, whole. Templates are one where namespace and pod
    agree in every label that a selector looks at (of the webhooks, and ``also``), in the annotations that decide, and
    in the network that they use; so there are as many dry runs as there are ways of asking, however many workloads.

    Attributes:
        asked: One workload for each distinct template when the plan was made: its namespace is where pods are sent to.
        revision: Expected; empty where pods stay without a proxy.
        image: Expected proxy image; empty when only the revision counts.
        former: Who answered before labels and tags moved. An API server that has not heard of the move yet still asks
            there, so that answer is waited out.
        labels: What the restart changes in the pod templates.
        versions: Revision to version: how an istiod reads odd values depends on it.
        settings: Revision to what decides inside its istiod, where that is not what the charts install.
        also: Pod labels that istiod's own selectors look at (``neverInjectSelector``, ``alwaysInjectSelector``).
    """

    refuted: ClassVar[str] = "UPG-0703"
    """Code of the finding where the answer is another one than expected."""

    workloads: tuple[Ref, ...]
    asked: tuple[Ref, ...]
    revision: str
    image: str = ""
    former: str = ""
    labels: dict[str, str | None] = {}
    versions: dict[str, str] = {}
    also: tuple[str, ...] = ()
    settings: dict[str, InjectorSettings] | msgspec.UnsetType = msgspec.UNSET

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """Broken names a workload, what was expected and what came; workloads that are gone do not count."""
        groups = list(self._groups(cluster))
        readings = [self._one(cluster, group) for group in groups]
        for verdict in (Verdict.BROKEN, Verdict.PENDING):
            if found := [r for r in readings if r.verdict is verdict]:
                more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
                return Reading(verdict, "; ".join(r.summary for r in found[:_SHOWN]) + more, found[0].facts)
        said = [r.summary for r in readings if "refused" in r.facts]
        return Reading.holds("; ".join([f"{self._whom()}, by {counted(len(groups), 'dry-run pod')}", *said]))

    def title(self) -> str:
        """The question, for plan and report."""
        return f"{self._whom()}, by {counted(len(self.asked), 'dry-run pod')}"

    def _whom(self) -> str:
        return f"next pods of {counted(len(self.workloads), 'workload')} get {self.revision or 'no proxy'}"

    # what is there

    def _groups(self, cluster: Reader) -> Iterator[Alike]:
        webhooks = webhooks_of(cluster.list(MUTATING_WEBHOOK))
        injectors = Injectors(webhooks, Istiods(self.versions, self.settings or {}))
        spaces = dict[str, Labels | None]()
        found: dict[tuple[Any, ...], Alike] = {}
        for ref in dict.fromkeys((*self.asked, *self.workloads)):
            if ref.namespace not in spaces:
                spaces[ref.namespace] = _labels(cluster.get(Ref(NAMESPACE, ref.namespace)))
            obj, space = cluster.get(ref), spaces[ref.namespace]
            if obj is None or space is None or obj["metadata"].get("deletionTimestamp"):
                continue
            one = self._restarted(workload_of(obj))
            asking = injectors.within(ref.namespace, space)
            about = (one.template_labels, one.template_annotations, one.host_network)
            key = question(asking.likeness(*about), one.template_labels, one.template_annotations, self.also)
            if key not in found:
                seen = {
                    k: v for k, v in one.template_labels.items() if k in (*injectors.pod_labels, *self.also)
                }
                found[key] = Alike(
                    resolved=asking.injection(*about),
                    names=[],
                    template=template_of(obj),
                    workload=one,
                    labels=seen,
                )
            found[key].names.append(one.name)
        yield from found.values()

    def _restarted(self, workload: Workload) -> Workload:
        """*workload* with the labels that its restart gives it."""
        labels = {k: v for k, v in {**workload.template_labels, **self.labels}.items() if v is not None}
        return msgspec.structs.replace(workload, template_labels=labels)

    # what is expected, and what comes

    def _one(self, cluster: Reader, group: Alike) -> Reading:
        found, wanted = group.resolved.revisions, (self.revision,) if self.revision else ()
        if found != wanted:
            came = " and ".join(found) or "nobody"
            return self._differs(group, f"{came} ({group.resolved.why})", injectors=str(len(found)))
        return self._proved(cluster, group, self._pod(group))

    def _proved(self, cluster: Reader, group: Alike, pod: Obj, refused: str = "") -> Reading:
        """What the API server makes of *pod*; a smaller one is asked where only its size or its neighbours were refused."""
        ref = Ref(POD, pod["metadata"]["name"], group.workload.ref.namespace)
        try:
            made = cluster.rehearse(Create(ref, pod)) or pod
        except ClusterFailure as failure:
            if not refused and self.revision and _about_the_pod_alone(failure):
                return self._proved(cluster, group, self._smaller(group), clean_line(failure.message))
            return self._not_made(cluster, group, failure)
        container = proxy_container(made)
        came = "" if container is None else injected_revision(made) or "an unknown revision"
        if came != self.revision:
            reading = self._differs(group, clean_line(came) or "no proxy")
            late = came == self.former
            return msgspec.structs.replace(reading, verdict=Verdict.PENDING) if late else reading
        image = str((container or {}).get("image", ""))
        if container is not None and not refused and not same_image(image, self.image):
            return self._differs(group, clean_line(image), wanted=self.image)
        if refused:
            words = (
                f"{group.names[0]}: a pod of its own is refused now, a smaller one is injected ({refused})"
            )
            return Reading.holds(words, refused=refused)
        return Reading.holds(f"{_about(group)}: as expected")

    def _not_made(self, cluster: Reader, group: Alike, failure: ClusterFailure) -> Reading:
        name = group.names[0]
        if has_gone(cluster, group.workload.ref.namespace):
            return Reading.holds(f"{name}: its namespace is gone")
        if NOT_CALLED in failure.message or not _is_refusal(failure) or _about_the_pod_alone(failure):
            return could_not_read(failure, f"what happens to the next pods of {_about(group)}")
        if not self.revision:
            words = f"{name}: its next pods are refused, so nobody injects them ({failure.message})"
            return Reading.holds(words, refused=failure.message)
        return self._differs(group, f"a refusal, as its own pods would meet: {failure.message}")

    def _differs(self, group: Alike, came: str, *, wanted: str = "", **facts: str) -> Reading:
        expected = wanted or self.revision or "no proxy"
        words = f"next pods of {_about(group)}: expected {expected}, came {came}"
        return Reading.broken(words, workload=group.names[0], expected=expected, came=came, **facts)

    # what is sent

    def _pod(self, group: Alike) -> Obj:
        """A pod of the template as it is, under a name of ours."""
        spec = group.template.get("spec") or {}
        labels, notes = group.workload.template_labels, group.workload.template_annotations
        body: Obj = {"apiVersion": "v1", "kind": "Pod", "spec": spec}
        name = f"upgrade-probe-{digest([group.names[0], labels, notes, spec])[:12]}"
        metadata: Obj = {"name": name, "namespace": group.workload.ref.namespace}
        metadata |= {"labels": labels} if labels else {}
        metadata |= {"annotations": notes} if notes else {}
        return body | {"metadata": metadata}

    def _smaller(self, group: Alike) -> Obj:
        """The smallest pod that asks for injection in the same way."""
        notes = group.workload.template_annotations
        return probe_pod(
            InjectionCase(
                about=group.names[0],
                namespace=group.workload.ref.namespace,
                labels=group.labels,
                annotations={k: notes[k] for k in (INJECT, *DECIDING) if k in notes},
                revision=self.revision,
            )
        )


def _about(group: Alike) -> str:
    rest = len(group.names) - 1
    return group.names[0] + (f" and {counted(rest, 'workload')} like it" if rest else "")


def _labels(space: Obj | None) -> Labels | None:
    """None when the namespace is gone, or going."""
    if space is None or space["metadata"].get("deletionTimestamp"):
        return None
    found: Mapping[str, str] = space["metadata"].get("labels") or {}
    return dict(found)


def _about_the_pod_alone(failure: ClusterFailure) -> bool:
    """Whether a smaller pod may pass, and a pod of the workload too at another moment or without dry run."""
    asked = ENTRY not in failure.message
    return asked and (_NO_ROOM in failure.message or _NO_DRY_RUN in failure.message)


def _is_refusal(failure: ClusterFailure) -> bool:
    """Whether admission or validation said no, as opposed to whoever decides about rights."""
    if isinstance(failure, Forbidden):
        return bool(_BY_ADMISSION.match(failure.message))
    return isinstance(failure, Denied) or (isinstance(failure, Invalid) and failure.status == 422)
