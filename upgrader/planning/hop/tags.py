"""Tags: as one step each, ``default`` last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from upgrader.model.version import UNNAMED
from upgrader.planning.foresight.forecast import DEFAULT_TAG
from upgrader.planning.hop.bindings import Binding, namespace_binding, workload_binding
from upgrader.planning.hop.stage import Draft
from upgrader.steps import MoveTag
from upgrader.steps.move_tag import TagPart

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
            f"kubectl label namespace {name.partition('/')[0]} istio.io/rev={draft.old} istio-injection- --overwrite",
        )
    parts = draft.parts.get(tag, ("webhook",))
    create = _service_to_make(draft, parts)
    return _add(draft, tag, draft.old, (*parts, *create), create)


def _service_to_make(draft: Draft, parts: tuple[TagPart, ...]) -> tuple[TagPart, ...]:
    target = draft.inputs.target
    wanted = (target.major, target.minor) >= SERVICE_SINCE and "service" not in parts
    return ("service",) if wanted else ()


def _left_with(draft: Draft, tag: str) -> Iterator[str]:
    """Namespaces and workloads that stay behind, yet are bound by *tag*."""
    by_tag = {Binding("tag", tag), Binding("template-tag", tag)}
    for name, labels in draft.forecast.namespaces.items():
        if f"Namespace {name}" in draft.behind and namespace_binding(labels, draft.forecast) in by_tag:
            yield name
    for workload in draft.inputs.mesh.workloads:
        if str(workload.ref) in draft.behind and workload_binding(workload, draft.forecast) in by_tag:
            yield workload.name


def _add(  # noqa: PLR0917  what a tag is made of
    draft: Draft,
    tag: str,
    source: str,
    parts: tuple[TagPart, ...],
    create: tuple[TagPart, ...],
    deactivate: bool = False,
) -> tuple[str, ...]:
    checked_by = draft.forecast.default_validator if "validator" in parts else ""

    def step(rolled: tuple[str, ...]) -> MoveTag:
        return MoveTag(
            tag=tag,
            revision=draft.new,
            source=source,
            parts=parts,
            create=create,
            deactivate=deactivate,
            gateways=rolled,
            root_namespace=draft.inputs.mesh.root_namespace,
            validator_source="" if checked_by == source else checked_by,
        )

    rolled = draft.rolled(step(()))
    note = ", and the injector without a revision goes off" if deactivate else ""
    draft.add(
        "~",
        f"tag {tag}: {'none' if 'webhook' in create else source} -> {draft.new}{note}",
        step(rolled),
        rolls=rolled,
    )
    draft.parts[tag] = parts
    return rolled


def remaining_tags(draft: Draft) -> list[str]:
    """Tags that still point at the old revision and bind nothing that stays behind; ``default`` last."""
    found = [tag for tag, revisions in draft.forecast.tags.items() if draft.old in revisions]
    found = [tag for tag in found if draft.inputs.scope.whole or not draft.inputs.scope.only]
    free = [tag for tag in found if not any(True for _ in _left_with(draft, tag))]
    return sorted(free, key=lambda tag: (tag == DEFAULT_TAG, tag))


def move_remaining(draft: Draft) -> list[str]:
    """Move the tags that no wave moved, then what ``default`` stands for; returns the Gateways that roll."""
    rolled: list[str] = []
    for tag in remaining_tags(draft):
        rolled += move_tag(draft, tag)
    if draft.behind or DEFAULT_TAG in draft.forecast.tags:
        return rolled
    checked_by = draft.forecast.default_validator
    follows = checked_by == draft.old or (bool(checked_by) and checked_by not in draft.forecast.versions)
    validator: tuple[TagPart, ...] = ("validator",) if follows else ()
    if draft.old == UNNAMED:
        service = _service_to_make(draft, ())
        made: tuple[TagPart, ...] = ("webhook", *service)
        rolled += _add(draft, DEFAULT_TAG, UNNAMED, (*made, *validator), made, deactivate=True)
    elif validator:
        rolled += _add(draft, DEFAULT_TAG, draft.old, validator, ())
        del draft.parts[DEFAULT_TAG]
    return rolled
