"""Is it safe to leave the mesh as it is now? Asked of the cluster, at every stop."""

from __future__ import annotations

from upgrader.engine.wait import looked
from upgrader.model.kinds import DEPLOYMENT
from upgrader.model.step import Reader, Reading, worst
from upgrader.planning.plan import Gate, Plan
from upgrader.planning.record import Progress
from upgrader.probes import WebhooksResolve


def safe_to_leave(progress: Progress, reader: Reader) -> Reading:
    """Holds when every webhook leads to a ready istiod and the istiods of the hop are up.

    Both revisions then serve their own proxies, new pods start, and nothing runs out.
    """
    asked = _webhooks(progress.plan)
    planes = looked(lambda: _planes(progress, reader))
    return worst([planes, looked(lambda: asked.look(reader))], planes.summary)


def _webhooks(plan: Plan) -> WebhooksResolve:
    """The plan's own question, which knows what led nowhere before."""
    for _, _, item in plan.items():
        if isinstance(item.action, Gate):
            for probe in item.action.probes:
                if isinstance(probe, WebhooksResolve):
                    return probe
    return WebhooksResolve(root_namespace=plan.root_namespace)


def _planes(progress: Progress, reader: Reader) -> Reading:
    found = reader.list(DEPLOYMENT, namespace=progress.plan.root_namespace, labels="app=istiod")
    if not found:
        return Reading.broken("no istiod is installed")
    ready: list[str] = []
    down: list[str] = []
    for one in found:
        labels = one["metadata"].get("labels") or {}
        revision = str(labels.get("istio.io/rev", "default"))
        up = int((one.get("status") or {}).get("readyReplicas") or 0) > 0
        (ready if up else down).append(revision)
    if down:
        return Reading.broken(f"istiod {', '.join(sorted(down))} is not ready")
    if len(ready) == 1:
        return Reading.holds(f"{ready[0]} is ready and serves its proxies")
    return Reading.holds(f"{' and '.join(sorted(ready))} are ready and serve their own proxies")
