"""What is foreseen of a restart, as a plan keeps it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from upgrader.model.duration import between

Impact = Literal["outage", "unproven", "node", "thin", "steady", "asleep"]
"""Worst first. ``outage``: for a while no pod is ready. ``unproven``: new pods count as ready before anybody asked them.
``node``: each node in turn is without its pod. ``thin``: fewer pods than now. ``steady``: as many as now. ``asleep``: none
runs."""
How = Literal["restart", "roll", "apply"]
NONE = timedelta(0)


class Range(msgspec.Struct, frozen=True):
    """From, to."""

    shortest: timedelta = NONE
    longest: timedelta = NONE

    def __str__(self) -> str:
        return between(self.shortest, self.longest)

    def __add__(self, other: Range) -> Range:
        return Range(self.shortest + other.shortest, self.longest + other.longest)

    def __mul__(self, times: int) -> Range:
        return Range(self.shortest * times, self.longest * times)


class Budget(msgspec.Struct, frozen=True):
    """A PodDisruptionBudget that selects its pods: it holds evictions back, and no restart."""

    name: str
    wants: int


class Scaler(msgspec.Struct, frozen=True):
    """A HorizontalPodAutoscaler; ``now`` is -1 where its status does not say how many there are."""

    name: str
    least: int
    most: int
    now: int = -1

    @property
    def exhausted(self) -> bool:
        """Whether it can add no pod for those that are missing meanwhile."""
        return self.now >= self.most


class Restart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One replacement of the pods of a workload, by its own update strategy.

    Attributes:
        workload: ``Deployment shop/cart``.
        how: ``restart``: by us; ``roll``: by istiod, when its Gateway changes hands; ``apply``: its manifest is applied.
        hops: In which hops.
        gateway: ``namespace/name`` of the Gateway that istiod rolls it for.
        lowest: Pods that are ready at worst meanwhile.
        surge: Pods above the wanted number that its strategy allows.
        extra: How many of these there are at a time, as far as quotas let them be.
        batches: How many times one waits for new pods, one after the other.
        length: The whole of it.
        gap: How long no pod is ready; None where some always is.
        start: From the creation of a pod until it is ready.
        seen: How many of the present pods told that; 0 when it is assumed.
        stop: From the end that is asked of a pod until it is gone.
        min_ready: How long a pod must stay ready before it counts.
        probed: Whether a container has a readinessProbe; None when its template was not read.
        served: Whether a Service sends traffic to its pods; None when Services were not read.
        room: Pods that quotas take beside those that are there; None where none counts, or where they were not read.
    """

    workload: str
    how: How = "restart"
    hops: tuple[int, ...] = ()
    gateway: str = ""
    impact: Impact
    strategy: str
    replicas: int
    lowest: int
    surge: int
    extra: int
    batches: int
    length: Range
    gap: Range | None = None
    start: Range
    seen: int
    stop: Range
    min_ready: timedelta = NONE
    probed: bool | None = None
    served: bool | None = None
    budget: Budget | None = None
    scaler: Scaler | None = None
    room: int | None = None

    @property
    def name(self) -> str:
        """``namespace/name``."""
        return self.workload.partition(" ")[2]

    @property
    def kind(self) -> str:
        """``Deployment``."""
        return self.workload.partition(" ")[0]
