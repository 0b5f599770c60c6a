"""Gateways: injected ones restart, istioctl's are applied in place, those of the Gateway API change hands by label.

An istiod of many releases empties a Gateway API gateway the moment it stops owning it (``ownership.old_has_drop``).
Under such a one, gateways are first labelled so that nothing moves them, and change hands once it is frozen.
"""

from __future__ import annotations

from upgrader.model.kinds import DEPLOYMENT, X_LISTENER_SET, Ref
from upgrader.model.listeners import ALPHA, alpha_on, is_experimental, knows
from upgrader.model.ownership import old_has_drop
from upgrader.model.snapshot import ApiGateway
from upgrader.model.version import UNNAMED, Version
from upgrader.planning.foresight.forecast import REV, gateway_name
from upgrader.planning.foresight.listeners import Pair, label_of, missing
from upgrader.planning.hop.documents import plane_environment
from upgrader.planning.hop.install import apply_part
from upgrader.planning.hop.moves import bind, gateway_only, remaining, restart, soak_gate
from upgrader.planning.hop.stage import Draft
from upgrader.planning.hop.tags import (
    empties,
    held,
    keep,
    label_gateway,
    label_listeners,
    may_move,
)
from upgrader.steps import ScalePlane


def owned(draft: Draft) -> list[ApiGateway]:
    """Gateways that belong to the old revision, and to nobody else, and may move."""
    return [
        g
        for g in draft.inputs.mesh.api_gateways
        if draft.forecast.claimants(g) == frozenset({draft.old}) and may_move(draft, g)
    ]


def pin(draft: Draft) -> None:
    """Label the Gateways that a moved label or tag would take along, so that their moment can be chosen.

    Also where only the new istiod would empty them: on the way back they must not follow a label or tag either.
    """
    for gateway in owned(draft):
        if held(draft, gateway) and draft.forecast.gateways[gateway_name(gateway)].get(REV) != draft.old:
            keep(draft, gateway)
    _mind_alpha(draft)
    for pair in draft.listening if old_has_drop(Version.parse(draft.inputs.source)) else ():
        stays = draft.forecast.claimants(pair[0]) == frozenset({draft.old})
        if stays and label_of(draft.forecast, pair[1]) is None:
            label_listeners(draft, pair, draft.old)
    draft.close("pins", "gateways")


def _mind_alpha(draft: Draft) -> None:
    """Block where the new istiod would read XListenerSets, but for a switch that its manifests lack."""
    version = draft.inputs.release.version
    needing = [str(p[1].ref) for p in draft.listening if is_experimental(p[1].ref.kind)]
    if needing and knows(version, X_LISTENER_SET) and not alpha_on(plane_environment(draft.inputs.release)):
        draft.block(
            "UPG-0339",
            f"istiod {draft.new}",
            f"istiod {draft.new}: its manifests lack {ALPHA}, so it reads no XListenerSet, of {len(needing)}",
            f"{draft.old} has it on; without it the listeners of {needing[0]} and all their routes would be missing",
            f"render the manifests of {version} with --set values.pilot.env.{ALPHA}=true",
        )


def _move(draft: Draft, gateway: ApiGateway) -> str:
    name = gateway_name(gateway)
    before = draft.forecast.gateways[name].get(REV) or "absent"
    label_gateway(
        draft, gateway, draft.new, draft.new, f"Gateway {name}: istio.io/rev {before} -> {draft.new}"
    )
    return name


def move(draft: Draft) -> None:
    """The wave of gateways: everything but what an old istiod would empty."""
    names = [n for n in sorted(draft.forecast.namespaces) if gateway_only(draft, n)]
    rolled = bind(draft, names)
    moved = restart(draft, [w for w in remaining(draft) if w.gateway])
    _istioctl(draft)
    for gateway in owned(draft):
        own = draft.forecast.gateways[gateway_name(gateway)].get(REV)
        if not empties(draft, gateway) and draft.old in (own, UNNAMED):
            rolled.append(_move(draft, gateway))
    if draft.pending:
        soak_gate(draft, moved, rolled, draft.inputs.playbook.gateways_soak)
    draft.close(
        "gateways", "gateways", namespaces=[n for n in names if n != draft.inputs.mesh.root_namespace]
    )


def _istioctl(draft: Draft) -> None:
    """Apply the ingress gateways of the release over those that istioctl once made."""
    there = [
        w
        for w in draft.inputs.mesh.workloads
        if w.gateway == "istioctl" and draft.old in draft.runs.get(w.key, ()) and w.key not in draft.behind
    ]
    if not there:
        return
    documents = {
        (str(d.body["metadata"].get("namespace")), str(d.body["metadata"]["name"]))
        for d in draft.inputs.release.part("ingress-gateway")
        if d.body["kind"] == "Deployment"
    }
    missing = [w for w in there if (w.ref.namespace, w.ref.name) not in documents]
    for workload in missing:
        version = draft.inputs.release.version
        draft.block(
            "UPG-0333",
            workload.name,
            f"{workload.name} was made by istioctl, and the manifests of {version} have no such gateway",
            "nothing else moves it, and the old revision cannot go while it runs",
            f"istioctl-{version} manifest generate --set profile=default --set revision={draft.new} "
            f"> DIR/{version}/istio.yaml",
        )
    if not missing and apply_part(draft, "ingress-gateway"):
        draft.runs |= dict.fromkeys((w.key for w in there), frozenset({draft.new}))


def free(draft: Draft) -> list[str]:
    """Move the Gateways that still belong to the old revision; returns those that roll.

    An istiod that would empty them is frozen first: its proxies keep their last configuration meanwhile. While
    something stays behind it is needed, so its gateways stay as well.
    """
    waiting = owned(draft)
    if draft.old == UNNAMED:
        waiting = [
            g
            for g in draft.inputs.mesh.api_gateways
            if draft.old in draft.forecast.claimants(g) and may_move(draft, g)
        ]
    if not waiting:
        return []
    risky = [g for g in waiting if empties(draft, g)]
    if draft.behind:
        for gateway in risky:
            _stays(draft, gateway)
        return [] if draft.old == UNNAMED else [_move(draft, g) for g in waiting if g not in risky]
    if risky:
        _freeze(draft)
    return [_move(draft, gateway) for gateway in waiting]


def _stays(draft: Draft, gateway: ApiGateway) -> None:
    name = gateway_name(gateway)
    draft.behind.add(f"Gateway {name}")
    draft.advise(
        "UPG-0340",
        name,
        f"Gateway {name} stays on {draft.old}, which others need and which would empty it on leaving",
        f"istiod {draft.inputs.source} can give up a gateway safely only when it is scaled to 0",
        "move what stays behind, then plan again",
    )


def _freeze(draft: Draft) -> None:
    plane = draft.inputs.mesh.plane(draft.old)
    suffix = "" if draft.old == UNNAMED else f"-{draft.old}"
    ref = plane.ref if plane else Ref(DEPLOYMENT, f"istiod{suffix}", draft.inputs.mesh.root_namespace)
    step = ScalePlane(
        ref=ref,
        uid=draft.stage.uids.get(draft.old, ""),
        revision=draft.old,
        replicas=0,
        before=max(1, draft.stage.replicas.get(draft.old, 1)),
    )
    draft.add(
        "~", f"freeze istiod {draft.old}: {step.before} -> 0 replicas, so that it cannot empty gateways", step
    )


def unpin(draft: Draft) -> None:
    """Give Gateways back the label they had, where that leaves them with the new revision."""
    gateways = {gateway_name(g): g for g in draft.inputs.mesh.api_gateways}
    for name, value in sorted(draft.pins.items()):
        if name not in gateways:
            continue
        later = draft.forecast.gateway_labelled(name, value)
        if later.claimants(gateways[name]) == frozenset({draft.new}):
            title = f"Gateway {name}: istio.io/rev {draft.new} -> {value or 'absent'}, as it was"
            label_gateway(draft, gateways[name], value, draft.new, title)
    for pair in draft.listening:
        _unpin_listeners(draft, pair)


def _unpin_listeners(draft: Draft, pair: Pair) -> None:
    """A label that somebody gave to the revision that is left names the new one then; what had none has none again."""
    name = str(pair[1].ref)
    if name not in draft.pins:
        return
    value = None if draft.pins[name] is None else draft.new
    later = draft.forecast.listeners_labelled(name, value)
    if value != label_of(draft.forecast, pair[1]) and not missing(later, pair):
        label_listeners(draft, pair, value)
