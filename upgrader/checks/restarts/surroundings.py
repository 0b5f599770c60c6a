"""What stands around workloads while they restart, put in order once: autoscalers, budgets, Services, quotas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import msgspec

from upgrader.checks.capacity.pods import ANNOTATIONS, asked, containers_of, written_containers
from upgrader.checks.capacity.quotas import applying, defaults_of, pods_that_fit
from upgrader.checks.documents import documents, dug
from upgrader.checks.restarts.restart import Budget, Scaler
from upgrader.checks.restarts.times import drain_of
from upgrader.checks.workloads.budgets import kept
from upgrader.model.injection import label_selector_matches
from upgrader.model.kinds import Ref
from upgrader.model.snapshot import Disruption, Document, Snapshot, Workload

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
        paces: Workload (``Deployment shop/cart``) to how its restart goes, where that was asked already.
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
        self.paces: dict[str, Any] = {}
        self.unknown = tuple(_unknown(mesh))
        self._scalers = {_target(d): _scaler(d) for d in documents(mesh, "HorizontalPodAutoscaler")}
        self._budgets = _by_place(mesh.disruptions)
        self._services = _selectors(mesh)
        self._quotas = applying(mesh)
        self._defaults = defaults_of(mesh) if self._quotas else {}
        self._drains: dict[str, float] = {}
        self._rooms: dict[tuple[Any, ...], int | None] = {}
        self._all_services = not mesh.unseen("services")

    def scaler(self, ref: Ref) -> Scaler | None:
        """The autoscaler of a workload."""
        return self._scalers.get((ref.namespace, ref.kind.kind, ref.name))

    def budget(self, workload: Workload) -> Budget | None:
        """The budget of its pods that wants most of them."""
        there = self._budgets.get(workload.ref.namespace, ())
        found = [b for b in there if label_selector_matches(b.selector, workload.template_labels)]
        if not found:
            return None
        return max((Budget(b.ref.name, kept(b, workload.replicas)) for b in found), key=lambda b: b.wants)

    def served(self, workload: Workload) -> bool | None:
        """Whether a Service selects its pods."""
        there, labels = self._services.get(workload.ref.namespace), workload.template_labels.items()
        if there:
            for one in labels:
                for wanted in there.get(one, ()):
                    if len(wanted) == 1 or wanted <= labels:
                        return True
        return False if self._all_services else None

    def room(self, workload: Workload, revision: str) -> int | None:
        """How many pods more its quotas take; None where none counts."""
        space = workload.ref.namespace
        if space not in self._quotas:
            return None
        resources = msgspec.json.encode([c.get("resources") for c in written_containers(workload)])
        alike = (space, revision, resources, *(workload.template_annotations.get(n) for n in ANNOTATIONS))
        if alike not in self._rooms:
            one = asked(containers_of(self._mesh, workload, revision)) | {"pods": 1.0}
            filled = self._defaults.get(space, set())
            found = (pods_that_fit(quota, one, filled) for quota in self._quotas[space])
            self._rooms[alike] = min((n for n in found if n is not None), default=None)
        return self._rooms[alike]

    def drain(self, revision: str) -> float:
        """Seconds for which a proxy of *revision* goes on when it is asked to end."""
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


def _selectors(mesh: Snapshot) -> Mapping[str, dict[tuple[str, str], list[Any]]]:
    """Namespace to what its Services select (pairs of labels), by the first pair; one without a selector is left out."""
    found: dict[str, dict[tuple[str, str], list[Any]]] = {}
    for service in documents(mesh, "Service"):
        if wanted := dug(service.body, "spec", "selector"):
            there = found.setdefault(service.ref.namespace, {})
            there.setdefault(next(iter(wanted.items())), []).append(wanted.items())
    return found
