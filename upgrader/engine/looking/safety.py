"""Is it safe to leave the mesh as it is now? Asked of the cluster, at every stop."""

from __future__ import annotations

from upgrader.cluster.read import is_live, proxy_container, revision_of
from upgrader.engine.driving.wait import looked
from upgrader.model.kinds import DEPLOYMENT, POD
from upgrader.model.step import Reader, Reading, worst
from upgrader.planning.plan import Gate
from upgrader.planning.record import Progress
from upgrader.probes import WebhooksResolve


def safe_to_leave(progress: Progress, reader: Reader) -> Reading:
    """Holds when every webhook leads to a ready istiod and the istiods of the hop are up.

    Both revisions then serve their own proxies, new pods start, and nothing runs out.
    """
    asked = _webhooks(progress)
    planes = looked(lambda: _planes(progress, reader))
    return worst([planes, looked(lambda: asked.look(reader))], planes.summary)


def _webhooks(progress: Progress) -> WebhooksResolve:
    """The question of the last gate that was reached, which knows what leads nowhere on purpose or did before."""
    asked: list[WebhooksResolve] = []
    for _, _, item in progress.plan.items():
        if isinstance(item.action, Gate) and (not asked or item.id in progress.record.started):
            asked += [probe for probe in item.action.probes if isinstance(probe, WebhooksResolve)]
    return asked[-1] if asked else WebhooksResolve(root_namespace=progress.plan.root_namespace)


def _planes(progress: Progress, reader: Reader) -> Reading:
    found = reader.list(DEPLOYMENT, namespace=progress.plan.root_namespace, labels="app=istiod")
    if not found:
        return Reading.broken("no istiod is installed")
    ready: list[str] = []
    down: list[str] = []
    for one in found:
        labels = one["metadata"].get("labels") or {}
        revision = str(labels.get("istio.io/rev", "default"))
        if (one.get("spec") or {}).get("replicas") == 0:
            if left := _proxies(revision, reader):
                return Reading.broken(f"{left} proxies are on istiod {revision}, which is scaled to 0")
            continue
        up = int((one.get("status") or {}).get("readyReplicas") or 0) > 0
        (ready if up else down).append(revision)
    if down or not ready:
        return Reading.broken(f"istiod {', '.join(sorted(down)) or 'of every revision'} is not ready")
    if len(ready) == 1:
        return Reading.holds(f"{ready[0]} is ready and serves its proxies")
    return Reading.holds(f"{' and '.join(sorted(ready))} are ready and serve their own proxies")


def _proxies(revision: str, reader: Reader) -> int:
    pods = [pod for pod in reader.list(POD) if is_live(pod) and proxy_container(pod) is not None]
    return sum(revision_of(pod) == revision for pod in pods)
