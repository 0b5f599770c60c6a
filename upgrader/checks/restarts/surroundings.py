"""What stands around workloads while they restart, put in order once: autoscalers, budgets, Services, quotas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from upgrader.checks.capacity.pods import asked, containers_of
from upgrader.checks.capacity.quotas import applying, defaults_of, pods_that_fit
from upgrader.checks.documents import documents, dug
from upgrader.checks.restarts.restart import Budget, Restart, Scaler
from upgrader.checks.restarts.times import DRAIN, drain_of
from upgrader.checks.workloads.budgets import kept
from upgrader.model.injection import label_selector_matches
from upgrader.model.kinds import Ref
from upgrader.model.snapshot import Disruption, Document, Labels, Snapshot, Workload

_READ = {
    "services": "whether a Service sends traffic to them",
    "resourcequotas": "whether quotas have room for the pods that are more meanwhile",
    "horizontalpodautoscalers.autoscaling": "whether autoscalers can make up for pods that are missing",
    "poddisruptionbudgets.policy": "what their budgets want to stay",
    "pod templates of workloads": "their probes, hooks and grace periods",
}


class Surroundings:
    """Looked up by place and name.

    Attributes:
        unknown: What could not be read, and what is not known for that reason.
        foreseen: Workload (``Deployment shop/cart``) to what its restart means, where that was asked already.
    """

    @classmethod
    def of(cls, mesh: Snapshot) -> Self:
        """The surroundings in *mesh*, put in order when they are first asked for."""
        if cls not in mesh.remembered:
            mesh.remembered[cls] = cls(mesh)
        found: Self = mesh.remembered[cls]
        return found

    def __init__(self, mesh: Snapshot) -> None:
        self._mesh = mesh
        self.live = mesh.live
        self.foreseen: dict[str, Restart] = {}
        self.unknown = tuple(_unknown(mesh))
        self._scalers = {_target(d): _scaler(d) for d in documents(mesh, "HorizontalPodAutoscaler")}
        self._budgets = _by_place(mesh.disruptions)
        self._services = _selectors(mesh)
        self._quotas = applying(mesh)
        self._defaults = defaults_of(mesh) if self._quotas else {}
        self._drains: dict[str, float] = {}
        self._all_services = not mesh.unseen("services")

    def scaler(self, ref: Ref) -> Scaler | None:
        """The autoscaler of a workload."""
        return self._scalers.get((ref.namespace, ref.kind.kind, ref.name))

    def budget(self, workload: Workload) -> Budget | None:
        """The budget of its pods that wants most of them."""
        found = [
            Budget(b.ref.name, kept(b, workload.replicas))
            for b in self._budgets.get(workload.ref.namespace, ())
            if label_selector_matches(b.selector, workload.template_labels)
        ]
        return max(found, key=lambda b: b.wants, default=None)

    def served(self, workload: Workload) -> bool | None:
        """Whether a Service selects its pods."""
        labels = workload.template_labels.items()
        if any(wanted.items() <= labels for wanted in self._services.get(workload.ref.namespace, ())):
            return True
        return False if self._all_services else None

    def room(self, workload: Workload, revision: str) -> int | None:
        """How many pods more its quotas take; None where none counts."""
        quotas = self._quotas.get(workload.ref.namespace)
        if not quotas:
            return None
        one = asked(containers_of(self._mesh, workload, revision)) | {"pods": 1.0}
        found = [pods_that_fit(q, one, self._defaults.get(workload.ref.namespace, set())) for q in quotas]
        return min((n for n in found if n is not None), default=None)

    def drain(self, workload: Workload) -> float:
        """Seconds for which the proxies of its pods go on when they are asked to end."""
        there = self.live.get(workload.key)
        if not there:
            return DRAIN
        revision = there[0].revision
        if revision not in self._drains:
            self._drains[revision] = drain_of(self._mesh, revision)
        return self._drains[revision]


def _unknown(mesh: Snapshot) -> Iterator[str]:
    for what, asks in _READ.items():
        for one in mesh.unseen(what):
            yield f"{one.what}: {one.why}; so it is not known {asks}"


def _target(scaler: Document) -> tuple[str, str, str]:
    target = dug(scaler.body, "spec", "scaleTargetRef") or {}
    return scaler.ref.namespace, str(target.get("kind")), str(target.get("name"))


def _scaler(scaler: Document) -> Scaler:
    spec, now = dug(scaler.body, "spec") or {}, dug(scaler.body, "status", "currentReplicas")
    least, most = spec.get("minReplicas"), spec.get("maxReplicas")
    return Scaler(
        scaler.ref.name, 1 if least is None else int(least), int(most or 0), -1 if now is None else int(now)
    )


def _by_place(budgets: Sequence[Disruption]) -> Mapping[str, list[Disruption]]:
    found: dict[str, list[Disruption]] = {}
    for budget in budgets:
        found.setdefault(budget.ref.namespace, []).append(budget)
    return found


def _selectors(mesh: Snapshot) -> Mapping[str, list[Labels]]:
    """Namespace to what its Services select; one without a selector has its endpoints from elsewhere."""
    found: dict[str, list[Labels]] = {}
    for service in documents(mesh, "Service"):
        if wanted := dug(service.body, "spec", "selector"):
            found.setdefault(service.ref.namespace, []).append(wanted)
    return found
