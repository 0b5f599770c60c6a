"""The way back: a plan that takes back what a hop began, in an order in which nothing is ever without an owner.

Not simply backwards: an istiod that was frozen comes back first, and Gateways change hands last, once nothing else
needs the revision that loses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import msgspec

from upgrader.model.codec import digest
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import MUTATING_WEBHOOK, VALIDATING_WEBHOOK, Ref
from upgrader.model.manifest import Owned
from upgrader.model.ownership import DEFAULT_VALIDATOR
from upgrader.model.step import counted
from upgrader.model.version import UNNAMED
from upgrader.planning.handing_back import Back, ahead, gateways_back, label_back
from upgrader.planning.hop.gates import own_webhooks
from upgrader.planning.hop.retire import rank
from upgrader.planning.plan import Gate, Hop, Plan, Planned, Wave, named
from upgrader.probes import (
    AnyProbe,
    ControlPlaneReady,
    RevisionIdle,
    Validates,
    WebhooksResolve,
    WorkloadsOn,
)
from upgrader.steps import (
    ApplyManifests,
    MoveTag,
    RelabelGateway,
    RelabelNamespace,
    RemoveObjects,
    RestartWorkload,
    Restore,
    ScalePlane,
)
from upgrader.steps.move_tag import TagPart


def undo(plan: Plan, hop: int, begun: frozenset[str]) -> Plan:
    """The plan that takes back the steps *begun* of hop number *hop*; its steps are ``b.01`` and so on.

    A plan without steps when none of them changed anything.

    Raises:
        UpgradeError: UPG-0803 the old revision's removal has begun, so there is nothing to go back to.
    """
    found = next(h for h in plan.hops if h.number == hop)
    done = [item for item in found.items() if item.id in begun]
    if any(isinstance(item.action, RemoveObjects) for item in done):
        raise _too_late(found)
    waves = tuple(_waves(plan, found, done))
    back = Hop(
        number=found.number,
        source=found.target,
        target=found.source,
        old=found.new,
        new=found.old,
        waves=waves,
        strict=found.strict,
        dangling=found.dangling,
    )
    return named(
        msgspec.structs.replace(
            plan,
            path=(found.target, found.source),
            hops=(back,) if waves else (),
            findings=(),
            preconditions=(),
            inputs={"plan": digest(plan), **plan.inputs},
        )
    )


def _too_late(hop: Hop) -> UpgradeError:
    return UpgradeError(
        "UPG-0803",
        f"revision {hop.old} is being removed or gone: there is nothing installed to go back to",
        why="a rollback moves workloads onto a revision that still runs; after its removal going back is a reinstall",
        do=("upgrade resume               # finish the hop, then plan anew",),
        exit_code=Exit.BLOCKED,
    )


def _waves(plan: Plan, hop: Hop, done: list[Planned]) -> Iterator[Wave]:
    """Groups of steps back, each with a gate behind what touches proxies."""
    backward = list(reversed(done))
    count = 0

    def wave(name: str, kind: str, steps: Iterable[Back], gate: Gate | None, at_once: int) -> Iterator[Wave]:
        nonlocal count
        items: list[Planned] = []
        for mark, title, step, pods in steps:
            count += 1
            items.append(Planned(id=f"b.{count:02d}", mark=mark, title=title, action=step, pods=pods))
        if items and gate is not None:
            count += 1
            items.append(Planned(id=f"b.{count:02d}", mark="?", title=gate.message, action=gate))
        if items:
            yield Wave(name=name, kind=kind, items=tuple(items), at_once=at_once)  # type: ignore[arg-type]

    at_once = max((w.at_once for w in hop.waves), default=1)
    proxies = list(_bindings(plan, hop, backward))
    gateways = list(gateways_back(plan, hop, backward))
    removal = list(_removal(hop, backward))
    if any(isinstance(step, RemoveObjects) for _, _, step, _ in removal):
        removal.insert(0, _unused(plan, hop))
    yield from wave("thaw", "tags", _thaw(hop, backward), None, 1)
    yield from wave("back", "namespaces", proxies, _gate(plan, hop, proxies), at_once)
    yield from wave("gateways back", "gateways", gateways, None, 1)
    yield from wave("remove", "install", removal, _gate(plan, hop, ()), 1)


def _gate(plan: Plan, hop: Hop, steps: Iterable[Back]) -> Gate:
    root = plan.root_namespace
    groups: dict[tuple[str, str], list[Ref]] = {}
    for _, _, step, _ in steps:
        if isinstance(step, RestartWorkload):
            groups.setdefault((step.revision, step.image), []).append(step.ref)
    on: list[AnyProbe] = [
        WorkloadsOn(workloads=tuple(refs), revision=revision, image=image)
        for (revision, image), refs in sorted(groups.items())
    ]
    return Gate(
        probes=(
            ControlPlaneReady(revision=hop.old, version=hop.source, root_namespace=root),
            *on,
            Validates(namespace=root, strict=hop.strict),
            WebhooksResolve(
                root_namespace=root, known_dangling=(*hop.dangling, *own_webhooks(hop.new, root))
            ),
        ),
        soak=timedelta(0),
        every=plan.playbook.probe_every,
        patience=plan.playbook.patience.gate,
        message=f"gate: istiod {hop.old} serves as before",
    )


def _unused(plan: Plan, hop: Hop) -> Back:
    """What came to the new revision meanwhile would lose its istiod, so that is asked before anything goes.

    Its istiods are not asked for connections: one that does not run is often why somebody goes back.
    """
    probe = RevisionIdle(revision=hop.new, root_namespace=plan.root_namespace, never_served=True)
    playbook = plan.playbook
    words = f"gate: 0 proxies on {hop.new} and nothing else depends on it"
    gate = Gate(probes=(probe,), every=playbook.probe_every, patience=playbook.patience.gate, message=words)
    return "?", words, gate, 0


def _thaw(hop: Hop, backward: list[Planned]) -> Iterator[Back]:
    for item in ahead(hop, backward):
        if isinstance(item.action, RelabelGateway):
            yield label_back(hop, item.action)
    for item in backward:
        if isinstance(item.action, ScalePlane):
            step = item.action
            back = msgspec.structs.replace(step, replicas=step.before, before=step.replicas)
            yield "~", f"bring istiod {hop.old} back: {step.replicas} -> {step.before} replicas", back, 0


def _bindings(plan: Plan, hop: Hop, backward: Iterable[Planned]) -> Iterator[Back]:
    """Tags, namespace labels and restarts. Labels go back before the pods that follow them.

    Within each wave the forward order was label, then restart; backwards, a restart must still come after its label.
    """
    for item in backward:
        action = item.action
        if isinstance(action, MoveTag):
            yield from _tag_back(plan, hop, action, _rest_of_tag(backward, action))
        elif isinstance(action, RelabelNamespace):
            back = msgspec.structs.replace(
                action, labels=action.before, before=action.labels, revision=hop.old
            )
            yield "~", f"namespace {action.namespace}: {_words(action.labels, action.before)}", back, 0
    for item in backward:
        action = item.action
        if isinstance(action, RestartWorkload):
            back_on = _restart_back(hop, action)
            yield "r", f"{item.title}, back on {back_on.revision}", back_on, item.pods
        elif isinstance(action, ApplyManifests) and action.part == "ingress-gateway":
            refs = tuple(d.ref for d in action.documents if d.existed)
            yield "~", "ingress gateway of istioctl, as it was", _restore(hop, refs), 0


def _words(now: dict[str, str | None], then: dict[str, str | None]) -> str:
    return ", ".join(
        f"{key} {now.get(key) or 'absent'} -> {value or 'absent'}" for key, value in then.items()
    )


def _restore(hop: Hop, refs: tuple[Ref, ...]) -> Restore:
    return Restore(folder=f"backup/h{hop.number}", refs=refs)


def _restart_back(hop: Hop, step: RestartWorkload) -> RestartWorkload:
    return msgspec.structs.replace(
        step,
        revision=hop.former_revisions.get(str(step.ref), hop.old),
        image=hop.former_images.get(str(step.ref), ""),
        mark=step.before,
        before=step.mark,
        labels=step.labels_before,
        labels_before=step.labels,
    )


def _rest_of_tag(done: Iterable[Planned], step: MoveTag) -> tuple[TagPart, ...]:
    """Parts of *step* that are its own to take back: where a tag moved in two steps, the first one takes all back."""
    others = [i.action for i in done if isinstance(i.action, MoveTag) and i.action.tag == step.tag]
    first = next((other for other in others if not other.binds_gateways), step)
    made = any("webhook" in other.create for other in others)
    if step is not first and step.source == step.revision:
        return ()
    return tuple(p for p in step.parts if p not in step.create and not (made and p != "validator"))


def _tag_back(plan: Plan, hop: Hop, step: MoveTag, kept: tuple[TagPart, ...]) -> Iterator[Back]:
    """A created tag goes and what it replaced is restored; a moved one moves back, without what was added to it."""
    made = "webhook" in step.create
    restored = (
        [Ref(MUTATING_WEBHOOK, own_webhooks(UNNAMED, plan.root_namespace)[0])] if step.deactivate else []
    )
    restored += [Ref(VALIDATING_WEBHOOK, DEFAULT_VALIDATOR)] if made and "validator" in step.parts else []
    if restored:
        yield "~", f"what served without tag {step.tag}, as it was", _restore(hop, tuple(restored)), 0
    parts: tuple[TagPart, ...] = ("service", "webhook")
    created = tuple(Owned(step.ref_of(part)) for part in parts if part in step.create)
    if created:
        gone = RemoveObjects(revision=step.revision, objects=created, why="undo")
        yield "-", f"tag {step.tag}: {len(created)} objects that were made for it", gone, 0
    if step.validator_source and not made:
        kept = tuple(part for part in kept if part != "validator")
        validator = Ref(VALIDATING_WEBHOOK, DEFAULT_VALIDATOR)
        yield "~", "the default validator, as it was", _restore(hop, (validator,)), 0
    if kept and not made:
        back = msgspec.structs.replace(
            step,
            revision=step.source,
            source=step.revision,
            parts=kept,
            create=(),
            deactivate=False,
            binds_gateways=step.source != step.revision,
        )
        what = "the default validator" if kept == ("validator",) else f"tag {step.tag}"
        yield "~", f"{what}: {step.revision} -> {step.source}", back, 0


def _removal(hop: Hop, backward: Iterable[Planned]) -> Iterator[Back]:
    """What the hop installed and was not there before; definitions stay, since objects of theirs may exist by now."""
    objects: list[Owned] = []
    applied_again: list[Ref] = []
    for item in backward:
        step = item.action
        if not isinstance(step, ApplyManifests) or step.part == "crds":
            continue
        objects += [Owned(d.ref) for d in step.documents if not d.existed]
        if step.part != "ingress-gateway":
            applied_again += [d.ref for d in step.documents if d.existed]
    if objects:
        ordered = tuple(sorted(objects, key=lambda o: (rank(o.ref), str(o.ref))))
        gone = RemoveObjects(revision=hop.new, objects=ordered, why="undo")
        yield "-", f"remove istiod revision {hop.new} ({len(ordered)} objects)", gone, 0
    if applied_again:
        words = f"{counted(len(applied_again), 'shared object')}, as before"
        yield "~", words, _restore(hop, tuple(sorted(applied_again))), 0
