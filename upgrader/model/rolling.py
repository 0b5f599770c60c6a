"""How a changed pod template replaces the pods of a workload: how many at a time, how few are left, how many more there are.

Facts: kubernetes, pkg/controller: ``deployment/util`` (``ResolveFenceposts``: surge is rounded up and unavailable down, and
where both are none one pod goes first), ``statefulset`` (one pod at a time, from the last to the first; a share is rounded
down, to one at least), ``daemon/util`` (both are rounded up; pods go first unless they surge). A PodDisruptionBudget is asked
by none of them (kubernetes.io, concepts/workloads/pods/disruptions).
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor

import msgspec

from upgrader.model.snapshot import Workload


class Rolling(msgspec.Struct, frozen=True):
    """One replacement of every pod.

    Attributes:
        pods: How many are replaced.
        down: How many may be missing at the same time, at worst.
        extra: How many more than wanted there may be.
        kept: How many are left untouched: below a partition, or all of them with OnDelete or while it is paused.
        ends_first: An old pod has to be gone before the new one in its place is made.
        per_node: Pods stand for nodes, so one that is missing is missed there, however many others there are.
    """

    pods: int
    down: int
    extra: int = 0
    kept: int = 0
    ends_first: bool = False
    per_node: bool = False

    @property
    def lowest(self) -> int:
        """Pods that are left at worst."""
        return max(0, self.pods + self.kept - self.down)

    @property
    def at_once(self) -> int:
        """How many pods are on their way at the same time."""
        return max(1, min(self.pods, self.down + self.extra))

    @property
    def batches(self) -> int:
        """How many times one waits for new pods, one after the other."""
        return ceil(self.pods / self.at_once)


def rolling(workload: Workload) -> Rolling:
    """What a restart of *workload* (Deployment, StatefulSet or DaemonSet) does, by its own strategy."""
    return _rolling(
        workload.ref.kind.kind,
        workload.replicas,
        "OnDelete" if workload.paused else workload.strategy,
        workload.partition,
        (workload.max_unavailable, workload.max_surge),
    )


@lru_cache(maxsize=4096)
def _rolling(kind: str, pods: int, strategy: str, partition: int, limits: tuple[str, str]) -> Rolling:
    unavailable, surge = limits
    if strategy == "OnDelete":
        return Rolling(0, 0, kept=pods)
    if strategy == "Recreate":
        return Rolling(pods, pods, ends_first=True)
    if kind == "StatefulSet":
        kept = min(max(partition, 0), pods)
        down = max(1, share(unavailable or "1", pods))
        return Rolling(pods - kept, min(pods - kept, down), kept=kept, ends_first=True)
    if kind == "DaemonSet":
        extra = share(surge or "0", pods, up=True)
        down = 0 if extra else share(unavailable or "1", pods, up=True)
        return Rolling(pods, min(pods, down), extra, ends_first=not extra, per_node=True)
    extra, down = share(surge or "25%", pods, up=True), share(unavailable or "25%", pods)
    return Rolling(pods, min(pods, down if extra or down else 1), extra)


def share(text: str, of: int, *, up: bool = False) -> int:
    """A number as it is, or a percentage of *of*, rounded down or *up*."""
    if not text.endswith("%"):
        return int(text)
    return (ceil if up else floor)(of * int(text[:-1]) / 100)
