"""Tags: as one step each, ``default`` last; and the Gateways that must not follow what moves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from upgrader.model.ownership import old_has_drop
from upgrader.model.snapshot import ApiGateway
from upgrader.model.version import UNNAMED, Version
from upgrader.planning.foresight.forecast import DEFAULT_TAG, REV, gateway_name, tag_of
from upgrader.planning.foresight.foresee import after
from upgrader.planning.foresight.listeners import Pair, label_for, label_of, missing
from upgrader.planning.hop.bindings import Binding, namespace_binding, workload_binding
from upgrader.planning.hop.stage import Draft
from upgrader.steps import AnyStep, MoveTag, RelabelGateway
from upgrader.steps.move_tag import TagPart

WAYPOINT: Final = "istio-waypoint"
SERVICE_SINCE: Final = (1, 28)
"""From this minor on a tag also has a Service (``istioctl tag set``, chart revision-tags-svc.yaml)."""


def move_tag(draft: Draft, tag: str) -> tuple[str, ...]:
    """Point *tag* at the new revision; returns the Gateways that roll with it."""
    for name in _left_with(draft, tag):
        draft.block(
            "UPG-0341",
            name,
            f"{name} is to stay on {draft.old}, but is bound by tag {tag}, which moves",
            "a tag moves for everybody who is bound by it: the next pods there would get the new revision",
            _keeping(draft, name),
        )
    _mind_strangers(draft, tag)
    if tag == DEFAULT_TAG and draft.old == UNNAMED:
        return _lend(draft)
    parts = draft.parts.get(tag, ("webhook",))
    create = _service_to_make(draft, parts)
    return _add(draft, tag, (*parts, *create), create=create)


def _mind_strangers(draft: Draft, tag: str) -> None:
    """Block where one of the tag's objects names a revision that this hop neither leaves nor leads to."""
    for revision in sorted(draft.forecast.tags.get(tag, frozenset()) - {draft.old, draft.new}):
        draft.block(
            "UPG-0325",
            f"tag {tag}",
            f"tag {tag}: leads to {draft.old} and to {revision}",
            f"it is half-moved, and only what leads to {draft.old} may be moved by this plan",
            f"istioctl tag set {tag} --revision {draft.old} --overwrite",
        )


def _keeping(draft: Draft, name: str) -> str:
    """How *name* can stay with the old revision although its tag moves."""
    if draft.old == UNNAMED:
        return f"move {name} too: nothing names an istiod without a revision but what moves here"
    space = name.partition("/")[0]
    return f"kubectl label namespace {space} istio.io/rev={draft.old} istio-injection- --overwrite"


def _service_to_make(draft: Draft, parts: tuple[TagPart, ...]) -> tuple[TagPart, ...]:
    target = draft.inputs.target
    wanted = (target.major, target.minor) >= SERVICE_SINCE and "service" not in parts
    return ("service",) if wanted else ()


def _left_with(draft: Draft, tag: str) -> Iterator[str]:
    """Namespaces and workloads that stay behind, yet are bound by *tag* (or, without one, by an unnamed istiod)."""
    bound = {Binding("tag", tag), Binding("template-tag", tag)}
    bound |= {Binding("unnamed", tag), Binding("object", tag)} if tag == DEFAULT_TAG else set()
    for name, labels in draft.forecast.namespaces.items():
        if f"Namespace {name}" in draft.behind and namespace_binding(labels, draft.forecast) in bound:
            yield name
    for workload in draft.inputs.mesh.workloads:
        if workload.key in draft.behind and workload_binding(workload, draft.forecast) in bound:
            yield workload.name


def _add(  # noqa: PLR0917  what a tag is made of
    draft: Draft,
    tag: str,
    parts: tuple[TagPart, ...],
    source: str = "",
    create: tuple[TagPart, ...] = (),
    deactivate: bool = False,
    binds_gateways: bool = True,
) -> tuple[str, ...]:
    source = source or draft.old
    checked_by = draft.forecast.default_validator if "validator" in parts else ""

    def step(rolled: tuple[str, ...]) -> MoveTag:
        return MoveTag(
            tag=tag,
            revision=draft.new,
            source=source,
            parts=parts,
            create=create,
            deactivate=deactivate and draft.old == UNNAMED and UNNAMED in _injecting(draft),
            gateways=rolled,
            root_namespace=draft.inputs.mesh.root_namespace,
            validator_source="" if checked_by == source else checked_by,
            binds_gateways=binds_gateways,
        )

    keep_in_place(draft, step(()))
    rolled = draft.rolled(step(()))
    draft.add("~", _words(step(()), draft.forecast.tags), step(rolled), rolls=rolled)
    if parts != ("validator",):
        draft.parts[tag] = tuple(dict.fromkeys((*draft.parts.get(tag, ()), *parts)))
    return rolled


def empties(draft: Draft, gateway: ApiGateway) -> bool:
    """Whether the old istiod would empty *gateway* when it loses it; it never does so to a waypoint."""
    return gateway.class_name != WAYPOINT and old_has_drop(Version.parse(draft.inputs.source))


def may_move(draft: Draft, gateway: ApiGateway) -> bool:
    """Whether *gateway* is in the scope of this plan."""
    scope = draft.inputs.scope
    names = {gateway.ref.namespace, gateway_name(gateway), gateway.deployment}
    return not names.intersection(scope.exclude) and (not scope.only or bool(names.intersection(scope.only)))


def held(draft: Draft, gateway: ApiGateway) -> bool:
    """Whether *gateway* must not follow a label or a tag: an istiod would empty it, or it is to stay.

    The new istiod counts as well: on the way back the Gateway must not follow either.
    """
    new = gateway.class_name != WAYPOINT and old_has_drop(draft.inputs.target)
    return new or empties(draft, gateway) or not may_move(draft, gateway)


def keep_in_place(draft: Draft, action: AnyStep) -> None:
    """Label the Gateways that *action* would take along although they must not follow."""
    later, mine = after(draft.forecast, action, draft.stage.forecast), frozenset({draft.old})
    for gateway in draft.nearby.gateways(action):
        follows = draft.forecast.claimants(gateway) == mine != later.claimants(gateway)
        if follows and held(draft, gateway):
            keep(draft, gateway)
    keep_listeners(draft, action)


def keep_listeners(draft: Draft, action: AnyStep) -> None:
    """Label the ListenerSets that the istiod of their Gateway would not read once *action* is done, as far as that helps."""
    later = after(draft.forecast, action, draft.stage.forecast)
    for pair in draft.nearby.listening(action):
        if missing(later, pair):
            for value in label_for(draft.forecast, action, draft.stage.forecast, pair) or ():
                label_listeners(draft, pair, value)


def label_listeners(draft: Draft, pair: Pair, value: str | None) -> None:
    """Add the step that labels a ListenerSet; remember the label that it had."""
    listeners, name = pair[1], str(pair[1].ref)
    before, stays = label_of(draft.forecast, listeners), value == draft.old
    step = RelabelGateway(
        ref=listeners.ref,
        uid=listeners.uid,
        revision=draft.old if stays else draft.new,
        value=value,
        before=before,
        managed=False,
    )
    draft.pins.setdefault(name, before)
    moved = f"istio.io/rev {before or 'absent'} -> {value or 'absent'}"
    draft.add("~", f"{name}: {f'keep {draft.old} for now' if stays else moved}", step)


def keep(draft: Draft, gateway: ApiGateway) -> None:
    """Label *gateway* so that it stays with the old revision, whatever moves."""
    title = f"Gateway {gateway_name(gateway)}: keep {draft.old} for now"
    label_gateway(draft, gateway, draft.old, draft.old, title)


def label_gateway(draft: Draft, gateway: ApiGateway, value: str | None, owner: str, title: str) -> None:
    """Add the step that labels *gateway*, after which it belongs to *owner*; remember the label that it had."""
    name = gateway_name(gateway)
    before = draft.forecast.gateways[name].get(REV)
    step = RelabelGateway(
        ref=gateway.ref,
        uid=gateway.uid,
        revision=owner,
        value=value,
        before=before,
        managed=gateway.managed,
    )
    keep_listeners(draft, step)
    if before != draft.old or before == UNNAMED:
        draft.pins.setdefault(name, before)
    draft.add("~", title, step, rolls=(name,) if gateway.managed else ())


def _words(step: MoveTag, tags: Mapping[str, Collection[str]]) -> str:
    if step.parts == ("validator",):
        return f"the default validator: {step.validator_source or step.source} -> {step.revision}"
    if step.source == step.revision:
        return f"tag {step.tag}: from now on for Gateways too"
    about = "" if step.binds_gateways else ", for pods only"
    note = ", and the injector without a revision goes off" if step.deactivate else ""
    return f"tag {step.tag}: {step.source if step.tag in tags else 'none'} -> {step.revision}{about}{note}"


def _injecting(draft: Draft) -> frozenset[str]:
    """Revisions with an injector of their own that is not switched off by us."""
    off, tags = draft.forecast.switched_off, draft.forecast.tags
    own = (w for w in draft.forecast.injectors if not w.tag and w.ref.name not in off)
    return frozenset(w.revision for w in own if tag_of(w.ref, draft.forecast.root_namespace) not in tags)


def remaining_tags(draft: Draft) -> list[str]:
    """Tags that still point at the old revision and bind nothing that stays behind; ``default`` last.

    None where ``--only`` leaves somebody behind: they may be counted on. Where it leaves nobody, the revision goes.
    """
    found = [tag for tag, revisions in draft.forecast.tags.items() if draft.old in revisions]
    if draft.inputs.scope.only and draft.behind:
        return []
    free = [tag for tag in found if not any(True for _ in _left_with(draft, tag))]
    return sorted(free, key=lambda tag: (tag == DEFAULT_TAG, tag))


def lend_default(draft: Draft) -> None:
    """Let tag ``default`` at the new revision decide about pods, and the validator ask there, before istiod is frozen.

    The Gateways of an istiod without a revision stay with it meanwhile: it answers to that name itself, so the tag
    would give each of them a second owner. Where something stays behind, this is done only if nobody who stays is bound
    that way.
    """
    if draft.forecast.tags.get(DEFAULT_TAG) != frozenset({draft.new}):
        if any(True for _ in _left_with(draft, DEFAULT_TAG)):
            return
        _lend(draft)
    if not draft.behind:
        for tag in remaining_tags(draft):
            move_tag(draft, tag)
        _validator(draft)


def _lend(draft: Draft) -> tuple[str, ...]:
    known: tuple[TagPart, ...] = draft.parts.get(DEFAULT_TAG, ())
    parts: tuple[TagPart, ...] = ("webhook", *(p for p in known if p == "service"))
    create: tuple[TagPart, ...] = () if "webhook" in known else ("webhook",)
    return _add(draft, DEFAULT_TAG, parts, create=create, deactivate=True, binds_gateways=False)


def _validator(draft: Draft) -> tuple[str, ...]:
    """Move the default validator where it asks the old revision, or nobody."""
    return _add(draft, DEFAULT_TAG, ("validator",)) if _validator_follows(draft) else ()


def _validator_follows(draft: Draft) -> bool:
    checked_by = draft.forecast.default_validator
    return checked_by == draft.old or (bool(checked_by) and checked_by not in draft.forecast.versions)


def move_remaining(draft: Draft) -> list[str]:
    """Move the tags that no wave moved, and the default validator; returns the Gateways that roll."""
    rolled: list[str] = []
    for tag in remaining_tags(draft):
        rolled += move_tag(draft, tag)
    return rolled if draft.behind else [*rolled, *_validator(draft)]


def bind_gateways(draft: Draft) -> None:
    """Let a tag ``default`` that decided about pods only decide about Gateways too, once nobody else answers to it."""
    if DEFAULT_TAG in draft.forecast.unbound:
        parts = draft.parts.get(DEFAULT_TAG, ("webhook",))
        create = _service_to_make(draft, parts)
        _add(draft, DEFAULT_TAG, (*parts, *create), source=draft.new, create=create)
