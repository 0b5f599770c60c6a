"""Is it safe to leave the mesh as it is now? Asked of the cluster, at every stop."""

from __future__ import annotations

from upgrader.cluster.read import is_live, proxy_container, revision_of, webhooks_of
from upgrader.engine.driving.wait import looked
from upgrader.model.injection import Istiods, injection
from upgrader.model.kinds import DEPLOYMENT, MUTATING_WEBHOOK, NAMESPACE, POD
from upgrader.model.step import Reader, Reading, worst
from upgrader.planning.plan import Gate
from upgrader.planning.record import Progress
from upgrader.probes import InjectionCase, Injects, WebhooksResolve


def safe_to_leave(progress: Progress, reader: Reader) -> Reading:
    """Holds when every webhook leads to a ready istiod, the istiods of the hop are up, and who was injected still is.

    Both revisions then serve their own proxies, new pods start with theirs, and nothing runs out.
    """
    asked = _webhooks(progress)
    planes = looked(lambda: _planes(progress, reader))
    injected = looked(lambda: _injected(progress, reader))
    return worst([planes, injected, looked(lambda: asked.look(reader))], planes.summary)


def _injected(progress: Progress, reader: Reader) -> Reading:
    """Whether some webhook selects everybody who was injected at the last gate that was reached.

    Read from selectors, not asked by dry run, so that whoever may look can know it. A namespace that is gone asks nobody.
    """
    cases = _cases(progress)
    if not cases:
        return Reading.holds("nobody was to be injected")
    webhooks = webhooks_of(reader.list(MUTATING_WEBHOOK))
    spaces = {n["metadata"]["name"]: n["metadata"].get("labels") or {} for n in reader.list(NAMESPACE)}
    lost = [
        case.about
        for case in cases
        if case.namespace in spaces
        and not injection(
            case.namespace, spaces[case.namespace], case.labels, {}, False, webhooks, Istiods({})
        ).winner
    ]
    if not lost:
        return Reading.holds("who was injected still is")
    more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
    return Reading.broken(f"{lost[0]}{more}: no webhook selects it any more, new pods start without a proxy")


def _cases(progress: Progress) -> list[InjectionCase]:
    """Who was to be injected at the last gate that holds; where none holds yet, at the first."""
    rounds = [
        (item, [case for p in item.action.probes if isinstance(p, Injects) for case in p.cases])
        for _, _, item in progress.plan.items()
        if isinstance(item.action, Gate)
    ]
    asked = [pair for pair in rounds if pair[1]]
    settled = [cases for item, cases in asked if progress.is_settled(item)]
    cases = settled[-1] if settled else asked[0][1] if asked else []
    return [case for case in cases if case.revision]


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
