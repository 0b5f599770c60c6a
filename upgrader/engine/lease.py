"""The lock in the cluster: one driver per mesh, told by a Lease, timed by a clock that never jumps.

What is written here (the Lease, its namespace) is bookkeeping of ours in namespace ``istio-upgrade``; it is not part of
the plan, so it has no intents in the journal. A lock is only advice: every other write carries what was seen of its object.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from upgrader.cluster.port import Cluster
from upgrader.host.clock import Clock
from upgrader.host.identity import is_alive
from upgrader.model.change import HOME, Create, Patch
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure, Conflict, Unreachable
from upgrader.model.kinds import LEASE, NAMESPACE, Obj, Ref

RUN = "upgrader.istio/run"
DURATION = 30.0
"""Seconds after which an unrenewed Lease is up for the next holder, counted by the watcher's own clock."""
RENEW = 8.0
GIVE_UP = 20.0
"""Seconds since the last renewal was sent after which nothing may be written any more."""
_REF = Ref(LEASE, "lock", HOME)


class Lease:
    """The mesh's lock.

    Args:
        holder: ``host.identity.who()`` of this process.
        run: Run it is held for.
        say: Told once when somebody else's lock is waited for.
    """

    def __init__(self, cluster: Cluster, clock: Clock, holder: str, run: str) -> None:
        self._cluster = cluster
        self._clock = clock
        self._holder = holder
        self._run = run
        self._sent = 0.0
        self._held = False
        self.epoch = 0

    def acquire(self, heed: Callable[[], None], say: Callable[[str], None] = lambda _: None) -> int:
        """Take the lock; a holder that is gone is waited out.

        Returns:
            The epoch: grows with each change of holder.

        Raises:
            UpgradeError: UPG-0501: somebody alive holds it.
            ClusterFailure: it could not be read or written.
        """
        self._home()
        found = self._cluster.get(_REF)
        if found is not None and _holder(found) not in {"", self._holder}:
            found = self._wait_out(found, heed, say)
        sent = self._clock.boottime()
        taken = self._take(found)
        self._sent, self._held = sent, True
        self.epoch = _epoch(taken)
        return self.epoch

    @property
    def held(self) -> bool:
        """Whether it is ours, as far as we know."""
        return self._held

    def fence(self) -> int:
        """The lock is ours for long enough to send one more write; renews it when it is time.

        Raises:
            UpgradeError: UPG-0501: it is not ours any more.
            Unreachable: nobody can tell, since the server does not answer; surely nothing was sent.
        """
        if not self._held:
            raise self._locked(self._seen(), lost=True)
        if self._age() >= RENEW:
            self._renew()
        if self._age() >= GIVE_UP:
            trouble = Unreachable(
                f"the lock could not be renewed for {self._age():.0f} s", request=f"update {_REF}"
            )
            trouble.ambiguous = False
            raise trouble
        return self.epoch

    def tick(self) -> None:
        """Keep the lock alive while waiting; a server that is away is left to the next ``fence``.

        Raises:
            UpgradeError: UPG-0501: it is not ours any more.
        """
        if self._held and self._age() >= RENEW:
            self._renew()

    def release(self) -> None:
        """Give it back; harmless when it is not held, and when the server is away: then it runs out."""
        if not self._held:
            return
        self._held = False
        try:
            found = self._cluster.get(_REF)
            if found is not None and _holder(found) == self._holder:
                self._cluster.perform(_patch(found, {"spec": {"holderIdentity": ""}}))
        except ClusterFailure:
            return

    def _take(self, found: Obj | None) -> Obj:
        """Write ourselves down as the holder; when no answer came, the Lease itself says whether it happened."""
        try:
            return self._cluster.perform(self._taking(found)) or {}
        except ClusterFailure as failure:
            if not failure.ambiguous and not isinstance(failure, Conflict):
                raise
            now = self._cluster.get(_REF)
            if now is not None and _holder(now) == self._holder:
                return now
            if isinstance(failure, Conflict):
                raise self._locked(now or {}) from None
            raise

    def _renew(self) -> None:
        """Once more for the whole length, if the server answers; whoever it names decides.

        The time counts from before the question was asked, however long the answer took.
        """
        sent = self._clock.boottime()
        try:
            found = self._cluster.get(_REF)
            if found is None or _holder(found) != self._holder or _epoch(found) != self.epoch:
                self._held = False
                raise self._locked(found or {}, lost=True)
            self._cluster.perform(_patch(found, {"spec": {"renewTime": _micro(self._clock.now())}}))
        except ClusterFailure:
            return
        self._sent = sent

    def _age(self) -> float:
        return self._clock.boottime() - self._sent

    def _seen(self) -> Obj:
        try:
            return self._cluster.get(_REF) or {}
        except ClusterFailure:
            return {}

    def _home(self) -> None:
        ref = Ref(NAMESPACE, HOME)
        if self._cluster.get(ref) is None:
            labels = {"app.kubernetes.io/managed-by": "upgrade", "sidecar.istio.io/inject": "false"}
            manifest: Obj = {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": HOME, "labels": labels},
            }
            try:
                self._cluster.perform(Create(ref, manifest))
            except Conflict:
                return

    def _wait_out(self, found: Obj, heed: Callable[[], None], say: Callable[[str], None]) -> Obj | None:
        """The Lease once its holder is surely gone."""
        alive = is_alive(_holder(found))
        if alive:
            raise self._locked(found)
        if alive is False:
            return found
        say(f"waiting up to {DURATION:.0f} s: {_holder(found)} may still be running")
        seen, since = _mark(found), self._clock.boottime()
        while self._clock.boottime() - since < DURATION:
            heed()
            self._clock.sleep(2.0)
            now = self._cluster.get(_REF)
            if now is None or not _holder(now):
                return now
            if _mark(now) != seen:
                raise self._locked(now)
        return found

    def _taking(self, found: Obj | None) -> Create | Patch:
        moment = _micro(self._clock.now())
        spec: Obj = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": int(DURATION),
            "acquireTime": moment,
            "renewTime": moment,
            "leaseTransitions": _epoch(found or {}) + 1,
        }
        notes = {"annotations": {RUN: self._run}}
        if found is None:
            meta = {"name": _REF.name, "namespace": HOME, **notes}
            return Create(
                _REF,
                {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec},
            )
        return _patch(found, {"metadata": notes, "spec": spec})

    def _locked(self, found: Obj, *, lost: bool = False) -> UpgradeError:
        run, holder = run_of(found), _holder(found) or "nobody we can see"
        renewed = found.get("spec", {}).get("renewTime", "unknown")
        return UpgradeError(
            "UPG-0501",
            "the lock of this mesh was lost" if lost else "another run holds this mesh",
            what=(f"run {run or 'unknown'} by {holder}, last renewed {renewed}",),
            why="two runs would undo each other's labels and restarts",
            do=(f"upgrade status {run}".rstrip(), "stop that process, or let it finish"),
            exit_code=Exit.STEP_FAILED if lost else Exit.LOCKED,
            left="Nothing more was changed. The run stays open." if lost else "Nothing was changed.",
        )


def current(cluster_get: Callable[[Ref], Obj | None]) -> tuple[str, str, str]:
    """Holder, run and last renewal of the Lease as it is now; empty when it is free."""
    found = cluster_get(_REF)
    if found is None or not _holder(found):
        return "", "", ""
    return _holder(found), run_of(found), str(found["spec"].get("renewTime", ""))


def freeing(cluster_get: Callable[[Ref], Obj | None]) -> Patch | None:
    """The change that takes the lock from its holder; None when it is free."""
    found = cluster_get(_REF)
    return None if found is None or not _holder(found) else _patch(found, {"spec": {"holderIdentity": ""}})


def run_of(lease: Obj) -> str:
    """The run a Lease is held for."""
    return str((lease.get("metadata", {}).get("annotations") or {}).get(RUN, ""))


def _holder(lease: Obj) -> str:
    return str(lease.get("spec", {}).get("holderIdentity") or "")


def _epoch(lease: Obj) -> int:
    return int(lease.get("spec", {}).get("leaseTransitions") or 0)


def _mark(lease: Obj) -> tuple[str, str]:
    return _holder(lease), str(lease["metadata"].get("resourceVersion", ""))


def _patch(found: Obj, body: Obj) -> Patch:
    return Patch(_REF, body, found["metadata"]["uid"], found["metadata"]["resourceVersion"])


def _micro(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
