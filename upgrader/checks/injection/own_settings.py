from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.injection.odd_values import asking
from upgrader.checks.scope import leave_behind, moving, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import INJECTION, REVISION, Injectors, Istiods
from upgrader.model.injector import DISABLED, ENABLED, InjectorSettings
from upgrader.model.installing import Configured
from upgrader.model.kinds import WORKLOADS
from upgrader.model.snapshot import Snapshot, Workload
from upgrader.model.version import Version

_STARTS_PODS = frozenset({*(kind.kind for kind in WORKLOADS), "CronJob"})


def own_settings(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads that the istiod of a hop injects and the running one does not, or the other way round, by its own settings.

    Those are ``neverInjectSelector``, ``alwaysInjectSelector`` and ``policy`` of its injector, which it looks at after
    its webhook was called (``injectRequired`` in pkg/kube/inject/inject.go, 1.12 to 1.30).
    """
    running, revisions = Istiods.of(mesh), moving(mesh, context)
    told: set[str] = set()
    for number, target in enumerate(context.path[1:], start=1):
        configured = context.configured.get(str(target))
        new = configured.injecting if configured else None
        olds = {running.settings.get(revision, InjectorSettings()) == new for revision in revisions}
        if configured is None or new is None or olds == {True}:
            continue
        later = Istiods(running.versions, {**running.settings, **dict.fromkeys(revisions, new)})
        for workload, why in _changed(mesh, running, later):
            if workload.key not in told and not _is_left(mesh, context, workload):
                told.add(workload.key)
                yield _finding(workload, why, (number, target), configured, context)


def _changed(mesh: Snapshot, running: Istiods, later: Istiods) -> Iterator[tuple[Workload, str]]:
    """Workloads that gain a sidecar, with why they had none, and those that lose it, with an empty text."""
    before, after = Injectors(mesh.injectors, running), Injectors(mesh.injectors, later)
    for workload in mesh.workloads:
        if workload.ref.kind.kind in _STARTS_PODS:
            had, gets = (each.next_proxy(mesh, workload) for each in (before, after))
            if bool(had.winner) != bool(gets.winner):
                yield workload, "" if had.winner else had.why


def _is_left(mesh: Snapshot, context: Context, workload: Workload) -> bool:
    """Whether its next pods ask the old istiod still: its namespace stays, or it does, and names its revision itself."""
    namespace = workload.ref.namespace
    space = mesh.namespace(namespace)
    own = space is None or {REVISION, INJECTION}.isdisjoint(space.labels)
    return stays(context, namespace) or (own and stays(context, namespace, workload.ref.name))


def _finding(
    workload: Workload, why: str, hop: tuple[int, Version], configured: Configured, context: Context
) -> Finding:
    number, target = hop
    new = configured.revision
    same = (
        "carry values.sidecarInjectorWebhook and values.global.proxy.autoInject over "
        f"into the manifests of {target}      # as the running istiod has them"
    )
    loses, name = not why, workload.name
    reason = why or _refusal(workload, configured, target)
    change = "lose their sidecar" if loses else "get a sidecar, which they do not have now"
    allow = f"or accept it: --allow UPG-0306:{name} --reason TEXT"
    return Finding(
        code="UPG-0306",
        severity=Severity.BLOCKED,
        subject=name,
        summary=f"{name}: istiod {new} is configured otherwise, its next pods would {change}",
        what=(reason,),
        why="an istiod decides by its own configuration after its webhook was called, and a pod without a sidecar gives no error",
        do=(same, *_asking(workload, configured, loses), leave_behind(context, workload.ref.namespace))
        if loses
        else (same, asking(workload, "false"), allow),
        hop=number,
        allowable=not loses,
        objects=(str(workload.ref),),
    )


def _refusal(workload: Workload, configured: Configured, target: Version) -> str:
    new, settings = configured.revision, configured.injecting or InjectorSettings()
    istiods = Istiods({new: str(target)}, {new: settings})
    return istiods.refusal(new, workload.template_labels, workload.template_annotations)


def _asking(workload: Workload, configured: Configured, loses: bool) -> Iterator[str]:
    """With a policy that istiod does not know nothing helps that a pod says."""
    if loses and configured.injecting and configured.injecting.policy in {ENABLED, DISABLED}:
        yield asking(workload, "true")
