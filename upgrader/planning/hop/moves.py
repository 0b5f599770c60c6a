"""Waves of namespaces: move what binds them, restart their workloads, look, soak."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from upgrader.model.duration import written
from upgrader.model.kinds import CRON_JOB, WORKLOADS
from upgrader.model.playbook import WaveRule
from upgrader.model.snapshot import Workload
from upgrader.model.step import counted
from upgrader.planning.foresight.forecast import INJECTION, REV, gateway_name
from upgrader.planning.foresight.foresee import after
from upgrader.planning.foresight.proofs import Move, proofs
from upgrader.planning.hop.bindings import label_move, namespace_binding, stranded, workload_binding
from upgrader.planning.hop.documents import asked_labels, expected_image
from upgrader.planning.hop.gates import (
    connected,
    gateways_on,
    probe_round,
    words,
    workloads_on,
)
from upgrader.planning.hop.scope import cut_waves
from upgrader.planning.hop.stage import Draft
from upgrader.planning.hop.tags import keep_in_place, may_move, move_tag
from upgrader.steps import RelabelNamespace, RestartWorkload


def concerned(draft: Draft, workload: Workload) -> bool:
    """Whether *workload* is the old revision's: its pods run it, or it names it, or would get it when scaled up.

    A CronJob that names nothing itself goes where its namespace goes.
    """
    if draft.old in draft.runs.get(workload.key, ()):
        return True
    binding = workload_binding(workload, draft.forecast)
    if workload.ref.kind == CRON_JOB:
        return binding.leads_to(draft.old, draft.forecast)
    if binding.way == "template-revision" and workload.ref.kind in WORKLOADS:
        return binding.name == draft.old
    asleep = workload.replicas == 0 and workload.ref.kind in WORKLOADS
    return asleep and draft.forecast.next_proxy(workload).winner == draft.old


def leave_behind(draft: Draft) -> None:
    """Say who stays on the old revision, which then stays too; what an earlier hop left is not left a second time."""
    for key in sorted(draft.stage.behind):
        subject = key.partition(" ")[2]
        draft.block(
            "UPG-0342",
            subject,
            f"{subject} stayed behind in the hop before, and would be two minor versions behind after this one",
            "what an upgrade leaves behind must be a neighbour of what it leads to",
            f"plan to {draft.inputs.source} only, move {subject}, then plan on",
        )
    for workload in draft.inputs.mesh.workloads:
        ends = workload.ref.kind.kind == "Job" and draft.inputs.scope.restarts(workload)
        if workload.gateway == "api" or ends or not concerned(draft, workload):
            continue
        why = "" if workload.gateway == "istioctl" else stranded(workload)
        if not draft.inputs.scope.restarts(workload):
            why = "it was left out by --only or --exclude"
        if why:
            _stays(draft, workload.key, workload.name, why)
    for name, labels in draft.forecast.namespaces.items():
        if namespace_binding(labels, draft.forecast).leads_to(
            draft.old, draft.forecast
        ) and not draft.inputs.scope.moves(name):
            _stays(draft, f"Namespace {name}", name, "it was left out by --only or --exclude")
    for gateway in draft.inputs.mesh.api_gateways:
        if draft.old in draft.forecast.claimants(gateway) and not may_move(draft, gateway):
            name = gateway_name(gateway)
            _stays(draft, f"Gateway {name}", name, "it was left out by --only or --exclude")


def _stays(draft: Draft, key: str, subject: str, why: str) -> None:
    draft.behind.add(key)
    draft.advise(
        "UPG-0340",
        subject,
        f"{subject} stays on {draft.old}: {why}",
        f"revision {draft.old} is not removed while something depends on it",
        f"move {subject} by hand later, then plan again",
    )


def gateway_only(draft: Draft, namespace: str) -> bool:
    """Whether nothing but gateways of the old revision lives in *namespace*."""
    mesh = draft.inputs.mesh
    there = [w for w in mesh.workloads_in(namespace) if w.key in draft.runs]
    gateways = any(g.ref.namespace == namespace for g in mesh.api_gateways)
    return all(w.gateway for w in there) and (bool(there) or gateways)


def moving_namespaces(draft: Draft) -> list[str]:
    """Namespaces with something to move that is not only gateways."""
    found, asking = [], {w.ref.namespace for w in remaining(draft) if not w.gateway}
    for name, labels in sorted(draft.forecast.namespaces.items()):
        bound = namespace_binding(labels, draft.forecast).leads_to(draft.old, draft.forecast)
        bound = bound and draft.inputs.scope.moves(name)
        if (bound or name in asking) and not gateway_only(draft, name):
            found.append(name)
    return found


def _applications(draft: Draft, names: Sequence[str]) -> list[Workload]:
    return [w for w in remaining(draft, frozenset(names)) if not w.gateway]


def remaining(draft: Draft, namespaces: frozenset[str] | None = None) -> list[Workload]:
    """Workloads, of these namespaces where some are given, that a restart can and may move, and that has not come yet."""
    return [
        w
        for w in draft.movable
        if (namespaces is None or w.ref.namespace in namespaces)
        and w.key not in draft.behind
        and concerned(draft, w)
    ]


def waves(draft: Draft) -> None:
    """One wave for each rule of the playbook that selects anything."""
    names = moving_namespaces(draft)
    labels = {n: draft.inputs.mesh.namespace(n) for n in names}
    cut = cut_waves({n: s.labels if s else {} for n, s in labels.items()}, draft.inputs.playbook.waves)
    for rule in draft.inputs.playbook.waves:
        if cut[rule.name]:
            _wave(draft, rule, cut[rule.name])


def _wave(draft: Draft, rule: WaveRule, names: Sequence[str]) -> None:
    messages = draft.inputs.playbook.messages
    if rule.gate == "approval":
        message = words(draft, messages.approval, rule.name, names)
        draft.gate(f"gate: MANUAL approval before wave {rule.name}", (), approval="yes", message=message)
    rolled = bind(draft, names)
    moved = restart(draft, _applications(draft, names))
    soak_gate(draft, moved, rolled, rule.soak)
    draft.close(rule.name, "namespaces", namespaces=names, at_once=rule.at_once)


def soak_gate(draft: Draft, moved: Sequence[Workload], rolled: Sequence[str], soak: timedelta) -> None:
    """The gate behind moved workloads: they are on the new revision, and stay well while it soaks."""
    probes = [*workloads_on(draft, moved), *gateways_on(draft, rolled)]
    if moved:
        probes.append(connected(draft))
    what = f"{counted(len(moved), 'workload')} on {draft.new}, proxies connected, " if moved else ""
    draft.gate(
        f"gate: soak {written(soak)}, {what}injection, validation, webhooks",
        (*probes, *probe_round(draft)),
        soak=soak,
    )


def bind(draft: Draft, names: Sequence[str]) -> list[str]:
    """Move the labels and tags that bind *names*, and their workloads by themselves; returns the Gateways that roll.

    A label ``istio.io/rev`` beside ``istio-injection`` decides nothing about pods, but still about Gateways.
    """
    rolled: list[str] = []
    for name in filter(draft.inputs.scope.moves, names):
        labels = draft.forecast.namespaces[name]
        binding = namespace_binding(labels, draft.forecast)
        if not binding.leads_to(draft.old, draft.forecast):
            pass
        elif binding.way == "tag":
            rolled += move_tag(draft, binding.name)
        else:
            rolled += _relabel(draft, name, label_move(labels, draft.new))
        if INJECTION in labels and draft.forecast.namespaces[name].get(REV) == draft.old:
            rolled += _relabel(draft, name, ({REV: draft.new}, {REV: draft.old}))
    for workload in remaining(draft, frozenset(names)):
        binding = workload_binding(workload, draft.forecast)
        if binding.way == "template-tag" and binding.leads_to(draft.old, draft.forecast):
            rolled += move_tag(draft, binding.name)
    return rolled


def _relabel(
    draft: Draft, name: str, move: tuple[dict[str, str | None], dict[str, str | None]]
) -> tuple[str, ...]:
    space = draft.inputs.mesh.namespace(name)
    wanted, before = move
    step = RelabelNamespace(
        namespace=name, uid=space.uid if space else "", revision=draft.new, labels=wanted, before=before
    )
    keep_in_place(draft, step)
    rolled = draft.rolled(step)
    here = tuple(r for r in rolled if r.partition("/")[0] == name)
    step = RelabelNamespace(
        namespace=name, uid=step.uid, revision=draft.new, labels=wanted, before=before, gateways=here
    )
    draft.add("~", _relabel_words(name, wanted, before), step, rolls=here)
    return here


def _relabel_words(name: str, wanted: dict[str, str | None], before: dict[str, str | None]) -> str:
    moves = [f"{key} {before[key] or 'absent'} -> {value or 'absent'}" for key, value in wanted.items()]
    return f"namespace {name}: {', '.join(moves)}"


def restart(draft: Draft, workloads: Iterable[Workload]) -> list[Workload]:
    """Restart those whose next pods are foreseen on the new revision, once that is proved; returns them."""
    ready: list[Move] = []
    for workload in workloads:
        step = _restart(draft, workload)
        if _reaches(draft, workload, step):
            ready.append((workload, step, draft.stage.forecast.next_proxy(workload).winner))
    _prove(draft, ready)
    for workload, step, former in ready:
        pods = draft.pods(workload)
        draft.add("r", f"restart {workload.name} ({counted(pods, 'pod')})", step, pods=pods)
        _remember(draft, workload, former)
    moved = [workload for workload, _, _ in ready]
    draft.moved(moved)
    return moved


def _prove(draft: Draft, moves: Sequence[Move]) -> None:
    """A gate between what binds workloads and their restarts: the API server makes their next pods as foreseen."""
    probes = proofs(draft.inputs.mesh, moves, draft.forecast, asked_labels(draft.inputs.release))
    if probes:
        pods = counted(sum(len(probe.asked) for probe in probes), "dry-run pod")
        what = counted(sum(len(probe.workloads) for probe in probes), "workload")
        draft.gate(f"gate: who injects {what} next, by {pods}, before any restart", probes)


def _reaches(draft: Draft, workload: Workload, step: RestartWorkload) -> bool:
    later = after(draft.forecast, step, draft.stage.forecast) if step.labels else draft.forecast
    return later.next_proxy(workload).revisions == (draft.new,)


def _remember(draft: Draft, workload: Workload, led_to: str) -> None:
    """What going back would give *workload*: what its labels led to when the hop began."""
    key = workload.key
    away = led_to in draft.stage.forecast.versions and led_to != draft.old
    if away:
        draft.former_revisions[key] = led_to
    image = draft.inputs.old_image if not away else draft.inputs.image if led_to == draft.new else ""
    draft.former_images[key] = expected_image(workload, image)


def _restart(draft: Draft, workload: Workload) -> RestartWorkload:
    key = workload.key
    label = draft.forecast.templates[key].get(REV)
    named = label is not None and workload_binding(workload, draft.forecast).way == "template-revision"
    return RestartWorkload(
        ref=workload.ref,
        uid=workload.uid,
        revision=draft.new,
        image=expected_image(workload, draft.inputs.image),
        mark=draft.inputs.mark,
        before=draft.marks.get(key),
        labels={REV: draft.new} if named else {},
        labels_before={REV: label} if named else {},
        gateway=workload.gateway == "injected",
    )
