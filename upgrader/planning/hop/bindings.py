"""How namespaces and workloads are bound to a revision, and which steps move that."""

from __future__ import annotations

from typing import Literal

import msgspec

from upgrader.model.kinds import WORKLOADS
from upgrader.model.snapshot import Labels, Workload
from upgrader.planning.foresight.forecast import DEFAULT_TAG, INJECT, INJECTION, REV, Forecast

Way = Literal["revision", "tag", "unnamed", "template-revision", "template-tag", "object", "none"]


class Binding(msgspec.Struct, frozen=True):
    """What names the revision.

    Attributes:
        way: ``revision`` and ``tag``: label istio.io/rev of the namespace; ``unnamed``: istio-injection, served by an
            istiod without a revision; ``template-…``: the same label on the pod template; ``object``: label
            sidecar.istio.io/inject of the pod template, served by that istiod.
        name: Revision or tag.
    """

    way: Way
    name: str = ""

    def leads_to(self, revision: str, forecast: Forecast) -> bool:
        """Whether this binding ends at *revision* now."""
        if self.way in ("tag", "template-tag"):
            return revision in forecast.tags.get(self.name, frozenset())
        return self.way != "none" and self.name == revision


NONE = Binding("none")


def namespace_binding(labels: Labels, forecast: Forecast) -> Binding:
    """How new pods of a namespace with *labels* get their revision; ``istio-injection`` goes before ``istio.io/rev``."""
    if INJECTION in labels:
        return _by_default("unnamed", forecast) if labels[INJECTION] == "enabled" else NONE
    named = labels.get(REV)
    if named is None:
        return NONE
    return Binding("tag", named) if named in forecast.tags else Binding("revision", named)


def workload_binding(workload: Workload, forecast: Forecast) -> Binding:
    """How *workload* itself names its revision; ``none`` where the namespace decides."""
    namespace = forecast.namespaces.get(workload.ref.namespace, {})
    if INJECTION in namespace or REV in namespace or workload.host_network:
        return NONE
    labels = forecast.templates.get(workload.key, workload.template_labels)
    if labels.get(INJECT) == "false":
        return NONE
    named = labels.get(REV)
    if named is not None:
        return (
            Binding("template-tag", named) if named in forecast.tags else Binding("template-revision", named)
        )
    return _by_default("object", forecast) if labels.get(INJECT) == "true" else NONE


def _by_default(way: Literal["unnamed", "object"], forecast: Forecast) -> Binding:
    if DEFAULT_TAG in forecast.tags:
        return Binding("tag" if way == "unnamed" else "template-tag", DEFAULT_TAG)
    return Binding(way, DEFAULT_TAG)


def label_move(labels: Labels, new: str) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Namespace labels that bind to revision *new*, and the same labels as they are."""
    wanted: dict[str, str | None] = {REV: new}
    if INJECTION in labels:
        wanted[INJECTION] = None
    return wanted, {key: labels.get(key) for key in wanted}


def stranded(workload: Workload) -> str:
    """Why a restart would not reach every pod of *workload*; empty when it would."""
    if workload.ref.kind not in WORKLOADS:
        kind = workload.ref.kind.kind
        if kind in ("Job", "CronJob"):
            return ""
        return (
            "nothing would replace the pod"
            if kind == "Pod"
            else f"{kind} is restarted by its own controller only"
        )
    if workload.strategy == "OnDelete":
        return "strategy OnDelete: a restart would move no pod"
    if workload.partition > 0:
        return f"partition {workload.partition}: a restart would leave the pods below it"
    return "its rollout is paused" if workload.paused else ""
