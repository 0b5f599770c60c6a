"""Gateways on the way back, and the ListenerSets that must be read by whoever has them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from upgrader.model.kinds import DEPLOYMENT, K8S_GATEWAY, Ref
from upgrader.model.ownership import old_has_drop
from upgrader.model.version import Version
from upgrader.planning.plan import Gate, Hop, Mark, Plan, Planned
from upgrader.steps import AnyStep, RelabelGateway, ScalePlane

Back = tuple[Mark, str, AnyStep | Gate, int]
"""Mark, title, step and pods of one step back."""


def gateways_back(plan: Plan, hop: Hop, backward: list[Planned]) -> Iterator[Back]:
    """Gateways, then the labels that kept them in place. An istiod that would empty them is frozen first."""
    early = {i.id for i in ahead(hop, backward)}
    steps = [i.action for i in backward if isinstance(i.action, RelabelGateway) and i.id not in early]
    moved = [s.ref.kind.kind == K8S_GATEWAY.kind for s in steps if s.revision == hop.new]
    frozen: ScalePlane | None = None
    if any(moved) and (not all(moved) or old_has_drop(Version.parse(hop.target))):
        ref = Ref(DEPLOYMENT, f"istiod-{hop.new}", plan.root_namespace)
        frozen = ScalePlane(ref=ref, uid="", revision=hop.new, replicas=0, before=hop.adopted or 1)
        yield "~", f"freeze istiod {hop.new}: -> 0 replicas, so that it cannot empty gateways", frozen, 0
        steps.sort(
            key=lambda step: step.ref.kind.kind == K8S_GATEWAY.kind
        )  # what they need goes ahead of them
    for step in steps:
        yield label_back(hop, step)
    if frozen is not None and hop.adopted:
        thawed = msgspec.structs.replace(frozen, replicas=frozen.before, before=0)
        yield "~", f"bring istiod {hop.new} back: 0 -> {frozen.before} replicas, as before", thawed, 0


def label_back(hop: Hop, step: RelabelGateway) -> Back:
    back = msgspec.structs.replace(step, value=step.before, before=step.value, revision=hop.old)
    now, then = step.value or "absent", step.before or "absent"
    return "~", f"{step.ref}: istio.io/rev {now} -> {then}", back, 0


def ahead(hop: Hop, backward: list[Planned]) -> Iterator[Planned]:
    """ListenerSets that were to go ahead of a Gateway which has not moved: the frozen istiod needs them when it is back."""
    if not any(isinstance(i.action, ScalePlane) for i in backward):
        return
    for item in backward:
        step = item.action
        if isinstance(step, RelabelGateway) and step.revision == hop.new:
            if step.ref.kind.kind == K8S_GATEWAY.kind:
                return
            yield item
