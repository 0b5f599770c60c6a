"""What is asked of the cluster before, between and after the steps of a hop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from upgrader.model.injection import IGNORED_NAMESPACES
from upgrader.model.kinds import K8S_GATEWAY, LISTENER_SET, X_LISTENER_SET, Ref
from upgrader.model.listeners import alpha_on, heeds_owner, is_experimental, knows
from upgrader.model.ownership import namespace_suffix, old_has_drop
from upgrader.model.snapshot import Labels, Namespace, Snapshot, Workload
from upgrader.model.version import Version, revision_suffix
from upgrader.planning.foresight.forecast import INJECT, INJECTION, REV, Forecast, gateway_name
from upgrader.planning.hop.bindings import NONE, namespace_binding, workload_binding
from upgrader.planning.hop.documents import expected_image, plane_environment
from upgrader.planning.hop.stage import Draft
from upgrader.planning.hop.tags import may_move
from upgrader.playbook.render import render
from upgrader.probes import (
    AnyProbe,
    GatewaysKnown,
    GatewaysOn,
    InjectionCase,
    Injects,
    ListenersRead,
    ProxiesSynced,
    Validates,
    WebhooksResolve,
    WorkloadsOn,
)

NOTHING: Mapping[str, str] = MappingProxyType({})
_LISTENERS = {(kind.group, kind.plural) for kind in (LISTENER_SET, X_LISTENER_SET)}


def probe_round(draft: Draft) -> list[AnyProbe]:
    """One look at everything a moved label, tag or webhook could break: injection, validation, webhooks."""
    root = draft.inputs.mesh.root_namespace
    found = cases(draft.inputs.mesh, draft.forecast, _image(draft))
    probes: list[AnyProbe] = [Injects(cases=found)] if found else []
    validator = draft.forecast.default_validator
    if validator in draft.forecast.versions and validator not in draft.forecast.frozen:
        probes.append(Validates(namespace=root))
    elif not validator:
        probes.append(Validates(namespace=root, strict=False))
    if old_has_drop(Version.parse(draft.inputs.source)) and _serves_gateways(draft.inputs.mesh):
        known = sorted(gateway_name(g) for g in draft.inputs.mesh.api_gateways)
        probes.append(GatewaysKnown(revision=draft.old, known=tuple(known)))
    probes.extend(_listeners_read(draft))
    ignored = {*dangling(draft.inputs.mesh), *_of_frozen(draft)}
    probes.append(WebhooksResolve(root_namespace=root, known_dangling=tuple(sorted(ignored))))
    return probes


def _listeners_read(draft: Draft) -> Iterator[ListenersRead]:
    """One look where the API server serves such things and an istiod of this hop may read them."""
    mesh, inputs = draft.inputs.mesh, draft.inputs
    old, new = str(inputs.source), inputs.release.version
    fresh = alpha_on(plane_environment(inputs.release))
    before = inputs.former is not None and alpha_on(plane_environment(inputs.former))
    alpha = fresh or before or any(alpha_on(plane.env) for plane in mesh.control_planes)
    kinds = tuple(
        kind
        for kind in mesh.kinds
        if (kind.group, kind.plural) in _LISTENERS
        if (knows(old, kind) or knows(new, kind)) and (alpha or not is_experimental(kind))
    )
    if not kinds:
        return
    heeded = heeds_owner(old) or heeds_owner(new)
    served = {str(listeners.ref) for _, listeners in draft.listening}
    known = [str(listeners.ref) for listeners in mesh.listener_sets]
    yield ListenersRead(
        revision=draft.old,
        kinds=kinds,
        follow=tuple(k for k in kinds if not heeded and knows(new, k) and (fresh or not is_experimental(k))),
        known=tuple(sorted(known)),
        unread=tuple(sorted(set(known) - served)),
        stay=tuple(gateway_name(g) for g in mesh.api_gateways if not may_move(draft, g)),
        root_namespace=mesh.root_namespace,
    )


def _serves_gateways(mesh: Snapshot) -> bool:
    return any((k.group, k.plural) == (K8S_GATEWAY.group, K8S_GATEWAY.plural) for k in mesh.kinds)


def dangling(mesh: Snapshot) -> tuple[str, ...]:
    """Webhook configurations of Istio that name a Service which is not there."""
    webhooks = (*mesh.injectors, *mesh.validators)
    return tuple(
        sorted(
            {
                w.ref.name
                for w in webhooks
                if any(e.service and e.service not in mesh.services for e in w.entries)
            }
        )
    )


def own_webhooks(revision: str, root: str) -> tuple[str, str]:
    """Names of the injector and the validator that belong to *revision* itself."""
    suffix = revision_suffix(revision)
    return f"istio-sidecar-injector{suffix}{namespace_suffix(root)}", f"istio-validator{suffix}-{root}"


def _of_frozen(draft: Draft) -> Iterator[str]:
    for revision in draft.forecast.frozen:
        yield from own_webhooks(revision, draft.inputs.mesh.root_namespace)


def cases(
    mesh: Snapshot, forecast: Forecast, images: Mapping[str, str] = NOTHING
) -> tuple[InjectionCase, ...]:
    """One case for each distinct way of asking for injection, with the revision that must answer.

    Args:
        mesh: Who asks.
        forecast: Who answers.
        images: Revision to the image that it must inject; of others only the revision counts.
    """
    found: dict[tuple[str, str, str, str], InjectionCase] = {}
    for space in mesh.namespaces:
        labels = forecast.namespaces[space.name]
        key = (labels.get(INJECTION, ""), labels.get(REV, ""), "", "")
        if key in found or space.terminating or space.name in IGNORED_NAMESPACES:
            continue
        if namespace_binding(labels, forecast) != NONE or _by_default(forecast, space):
            about = f"namespace {space.name} ({_asks(labels)})"
            found[key] = _case(forecast, images, about, space.name, _asking(forecast, space.name))
    bound = {name for name, labels in forecast.namespaces.items() if INJECTION in labels or REV in labels}
    for workload in mesh.workloads:
        if workload.ref.namespace in bound or workload.gateway in ("api", "istioctl"):
            continue
        if workload_binding(workload, forecast) == NONE:
            continue
        labels = {k: v for k, v in forecast.templates[workload.key].items() if k in (INJECT, REV)}
        key = ("", "", labels.get(INJECT, ""), labels.get(REV, ""))
        if key not in found:
            about = f"pods like {workload.name} ({_asks(labels)})"
            found[key] = _case(forecast, images, about, workload.ref.namespace, labels)
    return tuple(found[key] for key in sorted(found))


def _by_default(forecast: Forecast, space: Namespace) -> bool:
    """Whether what has no label is injected there, as ``enableNamespacesByDefault`` has it."""
    return bool(forecast.injects(space.name, {}).winner)


def _asking(forecast: Forecast, namespace: str) -> Labels:
    """Labels of a pod that its istiod does not refuse by selectors or policy of its own, where there are such."""
    asks = {INJECT: "true"}
    loud = not forecast.injects(namespace, {}).winner and forecast.injects(namespace, asks).winner
    return asks if loud else {}


def _asks(labels: Labels) -> str:
    asked = ", ".join(f"{key}={labels[key]}" for key in (INJECTION, REV, INJECT) if key in labels)
    return asked or "no label"


def _case(
    forecast: Forecast, images: Mapping[str, str], about: str, namespace: str, labels: Labels
) -> InjectionCase:
    winner = forecast.injects(namespace, labels).winner
    return InjectionCase(
        about=about,
        namespace=namespace,
        labels=labels,
        revision=winner,
        image=images.get(winner, ""),
        failing=bool(winner) and winner not in forecast.versions,
    )


def _image(draft: Draft) -> dict[str, str]:
    return {draft.new: draft.inputs.image}


def case_of_new(draft: Draft) -> tuple[InjectionCase, ...]:
    """A pod that asks for the new revision by name, in a namespace that asks for nothing."""
    labels = {INJECT: "true", REV: draft.new}
    root = draft.inputs.mesh.root_namespace
    for name in (root, *sorted(set(draft.forecast.namespaces) - IGNORED_NAMESPACES)):
        if name in draft.forecast.namespaces and draft.forecast.injects(name, labels).revisions == (
            draft.new,
        ):
            return (_case(draft.forecast, _image(draft), f"a pod that asks for {draft.new}", name, labels),)
    return ()


def workloads_on(draft: Draft, workloads: Iterable[Workload]) -> list[AnyProbe]:
    """One probe for each image that the moved workloads must run."""
    by_image: dict[str, list[Ref]] = {}
    for workload in workloads:
        image = expected_image(workload, draft.inputs.image)
        by_image.setdefault(image, []).append(workload.ref)
    return [
        WorkloadsOn(workloads=tuple(refs), revision=draft.new, image=image)
        for image, refs in sorted(by_image.items())
    ]


def gateways_on(draft: Draft, names: Iterable[str]) -> list[AnyProbe]:
    """Each managed Gateway of *names* is rendered by the new revision."""
    wanted = set(names)
    refs = tuple(g.ref for g in draft.inputs.mesh.api_gateways if gateway_name(g) in wanted and g.managed)
    return [GatewaysOn(gateways=refs, revision=draft.new)] if refs else []


def connected(draft: Draft) -> AnyProbe:
    """The proxies that moved are connected to the new istiods and in sync with them."""
    return ProxiesSynced(
        revision=draft.new,
        version=draft.inputs.release.version,
        root_namespace=draft.inputs.mesh.root_namespace,
    )


def words(draft: Draft, template: str, wave: str, namespaces: Sequence[str]) -> str:
    """A message of the playbook with the facts of this hop."""
    facts = {
        "wave": wave,
        "namespaces": list(namespaces),
        "source": draft.inputs.source,
        "target": draft.inputs.release.version,
        "old": draft.old,
        "new": draft.new,
    }
    return render(template, facts)
