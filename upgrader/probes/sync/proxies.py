"""Are the proxies connected, and have they taken what istiod sent them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from upgrader.cluster.read import proxy_container, proxy_of
from upgrader.model.failures import Forbidden, ServerTrouble, Unforwardable
from upgrader.model.kinds import POD, Obj, Ref
from upgrader.model.step import Reader, Reading, counted
from upgrader.probes.control_plane import MONITORING, istiod_pods
from upgrader.probes.proxies import ProxiesConnected
from upgrader.probes.sync.syncz import PATH, NotSyncz, State, Sync, parse, union
from upgrader.probes.unread import pending_if_unread

_TOLD = 3
_CLUSTER = "ISTIO_META_CLUSTER_ID"
_CLOSED = frozenset({401, 403, 404})
"""What istiod answers where its debug pages are switched off, or not for callers like us."""


class Unseen(Exception):
    """Nobody may see whether proxies are in sync, now or a minute later; the words say why."""


class _Standing(msgspec.Struct, frozen=True):
    """Names by how they stand."""

    missing: list[str]
    stale: list[str]
    synced: list[str]
    rejected: dict[str, str]


class ProxiesSynced(msgspec.Struct, frozen=True, kw_only=True, tag="proxies-synced", tag_field="probe"):
    """Every ready pod of *revision* and *version* is connected to an istiod of *revision*, and has taken its configuration.

    Asked of every istiod of the revision (``/debug/syncz``, by port-forward), by name. A proxy that is missing or has not
    taken the last push is pending; one that rejects its configuration is broken, ready or not: it was started on
    this revision, so it has no former configuration that would go on working, whatever it did before the move.
    Proxies that are still on another revision are never judged here.

    Where nobody may see this (no right to ``pods/portforward``, no kubelet, debug pages switched off), the number of
    connections decides as ``ProxiesConnected`` has it, and the reading says so; it never says "in sync" then.
    """

    revision: str
    version: str
    root_namespace: str = "istio-system"

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """Counts and the first names; what cannot be read is pending."""
        istiods = istiod_pods(cluster, self.revision, self.root_namespace)
        if not istiods:
            return Reading.pending(f"istiod {self.revision} has no pod to ask")
        try:
            told = _ask(cluster, istiods)
            ours = self._pods(cluster)
            told = _twice(cluster, istiods, told, ours)
        except Unseen as unseen:
            return self._by_number(cluster, str(unseen))
        return self._reading(_standing(ours, told))

    def title(self) -> str:
        """The question, for plan and report."""
        return f"proxies of {self.version} are connected to istiod {self.revision} and in sync"

    def _pods(self, cluster: Reader) -> dict[str, _Pod]:
        found: dict[str, _Pod] = {}
        for pod in cluster.list(POD):
            proxy = proxy_of(pod)
            if proxy is None or proxy.revision != self.revision or proxy.terminating:
                continue
            due = proxy.ready and proxy.version == self.version
            found[f"{proxy.pod}.{proxy.namespace}"] = _Pod(due, _cluster_of(pod), proxy.kind == "ztunnel")
        return found

    def _by_number(self, cluster: Reader, why: str) -> Reading:
        connected = ProxiesConnected(
            revision=self.revision, version=self.version, root_namespace=self.root_namespace
        ).look(cluster)
        words = f"{connected.summary}; whether they are in sync could not be seen: {why}"
        return Reading(connected.verdict, words, {**connected.facts, "sync": f"not seen: {why}"})

    def _reading(self, standing: _Standing) -> Reading:
        missing, stale, rejected = standing.missing, standing.stale, standing.rejected
        ready = len(missing) + len(stale) + len(standing.synced)
        facts = {
            "connected": str(ready - len(missing)),
            "ready": str(ready),
            "synced": str(len(standing.synced)),
            "stale": str(len(stale)),
            "rejecting": str(len(rejected)),
        }
        if rejected:
            name, error = next(iter(rejected.items()))
            what = counted(len(rejected), "proxy rejects its", "proxies reject their")
            return Reading.broken(f"{what} configuration from {self.revision}: {name}: {error}", **facts)
        if missing:
            words = f"{counted(len(missing), 'ready proxy is', 'ready proxies are')} not connected to {self.revision}"
            return Reading.pending(f"{words}: {_some(missing)}", **facts)
        if stale:
            words = f"{counted(len(stale), 'proxy has', 'proxies have')} not taken the last push of {self.revision}"
            return Reading.pending(f"{words}: {_some(stale)}", **facts)
        words = counted(ready, "proxy", "proxies")
        return Reading.holds(f"{words} of {self.version} connected to {self.revision}, all in sync", **facts)


class _Pod(msgspec.Struct, frozen=True, gc=False):
    """A pod on the revision.

    Attributes:
        due: Ready, so it must be connected.
        cluster: Name of its cluster as its proxy tells it; empty when it tells none.
        quiet: A ztunnel, whose types istiod has named only since 1.23; any other proxy that was sent nothing has only just come.
    """

    due: bool
    cluster: str
    quiet: bool


def _ask(cluster: Reader, istiods: Sequence[Obj]) -> Mapping[str, list[Sync]]:
    return union([_told(cluster, pod) for pod in istiods])


def _told(cluster: Reader, istiod: Obj) -> list[tuple[str, Sync]]:
    """Every connection of one istiod.

    Raises:
        Unseen: there is no way to it, or it does not tell.
        ClusterFailure: it could not be read this time.
    """
    ref = Ref(POD, istiod["metadata"]["name"], istiod["metadata"]["namespace"])
    try:
        status, body = cluster.forward(ref, MONITORING, PATH)
    except Forbidden as failure:
        raise Unseen(f"not allowed to use pods/portforward: {failure.message}") from failure
    except Unforwardable as failure:
        raise Unseen(f"no port-forward to {ref.name}: {failure.message}") from failure
    if status in _CLOSED:
        raise Unseen(f"{ref.name} does not tell ({PATH}: {status})")
    if status != 200:
        raise ServerTrouble(f"status {status}", status=status, request=f"{PATH} of {ref}")
    try:
        return parse(body)
    except NotSyncz as error:
        raise ServerTrouble(f"no answer of {PATH}: {error}", request=f"{PATH} of {ref}") from error


def _twice(
    cluster: Reader, istiods: Sequence[Obj], told: Mapping[str, list[Sync]], ours: Mapping[str, _Pod]
) -> Mapping[str, list[Sync]]:
    """Look again before somebody is called stale.

    In a large mesh there is always a push on its way to somebody; only who has not moved from one look to the next waits.
    """
    if not any(_of(name, pod, told).state is State.STALE for name, pod in ours.items() if pod.due):
        return told
    again = _ask(cluster, istiods)
    return {name: [_moved(sync, told.get(name, ())) for sync in syncs] for name, syncs in again.items()}


def _moved(now: Sync, before: Sequence[Sync]) -> Sync:
    """*now*, as in sync when every push it still waits for is a newer one than before."""
    if now.state is not State.STALE:
        return now
    stuck = any(then.waiting.get(kind) == nonces for kind, nonces in now.waiting.items() for then in before)
    return now if stuck else msgspec.structs.replace(now, state=State.SYNCED)


def _standing(ours: Mapping[str, _Pod], told: Mapping[str, list[Sync]]) -> _Standing:
    found = _Standing([], [], [], {})
    for name, pod in sorted(ours.items()):
        known = [sync for sync in told.get(name, ()) if _same(sync, pod)]
        sync = _of(name, pod, told)
        if sync.state is State.REJECTED:
            found.rejected[name] = sync.error
        if not pod.due:
            continue
        if not known:
            found.missing.append(name)
        elif sync.state is State.SYNCED or (sync.state is State.UNSENT and pod.quiet):
            found.synced.append(name)
        else:
            found.stale.append(name)
    return found


def _of(name: str, pod: _Pod, told: Mapping[str, list[Sync]]) -> Sync:
    """One standing for a proxy. Where two connections disagree, one of them is dead: that is not in sync, and no rejection."""
    known = [sync for sync in told.get(name, ()) if _same(sync, pod)]
    worst = max(known, key=lambda sync: sync.state, default=Sync(State.UNSENT))
    if worst.state is State.REJECTED and any(sync.state is not State.REJECTED for sync in known):
        return msgspec.structs.replace(worst, state=State.STALE)
    return worst


def _same(sync: Sync, pod: _Pod) -> bool:
    """Whether it is our pod: a remote cluster may have one of the same name."""
    return not sync.cluster or not pod.cluster or sync.cluster == pod.cluster


def _cluster_of(pod: Obj) -> str:
    env = (proxy_container(pod) or {}).get("env") or ()
    return next((str(e.get("value") or "") for e in env if e.get("name") == _CLUSTER), "")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more
