"""Documents of a release as a plan names them: where they go, who writes them, what they say about images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from upgrader.model import kinds as known
from upgrader.model.image import Image
from upgrader.model.injection import selector_keys
from upgrader.model.injector import InjectorSettings
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.manifest import Manifest, Part
from upgrader.model.snapshot import Snapshot, Workload
from upgrader.planning.hop.stage import Draft, Owner
from upgrader.playbook.configured import injecting
from upgrader.playbook.manifests import Release

IMAGE_TYPE = "sidecar.istio.io/proxyImageType"
_TYPES = ("debug", "distroless")
_SUCCESSOR = {"istioctl": Owner("istio-operator"), "helm": Owner("helm", update=True)}
_KINDS = tuple(k for k in vars(known).values() if isinstance(k, Kind))
_PLURALS = {"NetworkPolicy": "networkpolicies", "EndpointSlice": "endpointslices"}


def reference(body: Obj, served: Sequence[Kind], root: str) -> Ref:
    """Where the document goes. Discovery knows the plural; a kind that is not served yet is spelt by rule."""
    group, _, version = str(body["apiVersion"]).rpartition("/")
    name, namespace = str(body["metadata"]["name"]), str(body["metadata"].get("namespace", ""))
    matching = [k for k in (*served, *_KINDS) if (k.group, k.kind) == (group, body["kind"])]
    exact = next((k for k in matching if k.version == version), None)
    if exact is None and matching:
        near = matching[0]
        exact = Kind(group, version, near.plural, near.kind, near.namespaced)
    if exact is None:
        kind = str(body["kind"])
        exact = Kind(group, version, _PLURALS.get(kind, kind.lower() + "s"), kind, bool(namespace))
    return Ref(exact, name, (namespace or root) if exact.namespaced else "")


def manifests(draft: Draft, part: Part) -> tuple[Manifest, ...]:
    """The documents of one part, each with the field manager that may write it without force."""
    return tuple(_manifests(draft, part))


def there_already(draft: Draft, part: Part) -> Iterator[Ref]:
    """Objects of one part that are on the cluster before the hop applies them anew."""
    mesh = draft.inputs.mesh
    for document in draft.inputs.release.part(part):
        ref = reference(document.body, mesh.kinds, mesh.root_namespace)
        if draft.installed.get(ref) or seen_owner(mesh, ref, part, draft.new):
            yield ref


def _manifests(draft: Draft, part: Part) -> Iterator[Manifest]:
    mesh = draft.inputs.mesh
    for document in draft.inputs.release.part(part):
        ref = reference(document.body, mesh.kinds, mesh.root_namespace)
        owner = draft.installed.get(ref) or seen_owner(mesh, ref, part, draft.new)
        draft.installed[ref] = owner or Owner()
        yield Manifest(
            ref=ref,
            file=document.file,
            index=document.index,
            digest=document.digest,
            manager=(owner or Owner()).manager,
            update=(owner or Owner()).update,
            existed=owner is not None,
            binds=_bound(document.body, ref.namespace),
        )


def _bound(body: Obj, namespace: str) -> Ref | msgspec.UnsetType:
    """The role that a binding gives."""
    role = body.get("roleRef") or {}
    if not role.get("name"):
        return msgspec.UNSET
    if role.get("kind") == "ClusterRole":
        return Ref(known.CLUSTER_ROLE, str(role["name"]))
    return Ref(known.ROLE, str(role["name"]), namespace)


def seen_owner(mesh: Snapshot, ref: Ref, part: Part, revision: str) -> Owner | None:
    """Who writes *ref*, an object that was there; None when it was not.

    Shared objects of the base chart carry no revision, so the survey may not have listed them: those count as there,
    written by whoever installed the mesh, because going back must not remove them. The same goes for a gateway that is
    changed in place.
    """
    if part == "crds":
        found = next((d for d in mesh.definitions if d.name == ref.name), None)
        return _choose(found.managers, mesh) if found else None
    listed = _objects(mesh)
    if part == "ingress-gateway" and not any(b.component == "IngressGateways" for b in mesh.belongings):
        return _installer(mesh, "")
    if _place(ref) in listed:
        return _choose(listed[_place(ref)], mesh)
    if part == "base" and not _lists_base(mesh):
        return _installer(mesh, "")
    return _installer(mesh, revision) if part == "control-plane" and _is_plane(mesh, ref, revision) else None


def _is_plane(mesh: Snapshot, ref: Ref, revision: str) -> bool:
    plane = mesh.plane(revision)
    webhooks = {w.ref.name for w in (*mesh.injectors, *mesh.validators) if w.revision == revision}
    return plane is not None and (ref.name in webhooks or _place(ref) == _place(plane.ref))


def _place(ref: Ref) -> tuple[str, str, str, str]:
    return ref.kind.group, ref.kind.kind, ref.namespace, ref.name


def _objects(mesh: Snapshot) -> dict[tuple[str, str, str, str], dict[str, str]]:
    return {_place(b.ref): dict(b.managers) for b in mesh.belongings}


def _lists_base(mesh: Snapshot) -> bool:
    return any(b.ref.name.startswith("istio-reader-service-account") for b in mesh.belongings)


def _choose(managers: dict[str, str], mesh: Snapshot) -> Owner:
    """The manager to act as: one that applies before one that updates, ours before others."""
    applying = sorted(
        (name for name, how in managers.items() if how == "Apply"), key=lambda n: (n != "upgrader", n)
    )
    if applying:
        return Owner(applying[0])
    updating = sorted(managers, key=lambda n: (n != "upgrader", n))
    return Owner(updating[0], update=True) if updating else _installer(mesh, "")


def _installer(mesh: Snapshot, revision: str) -> Owner:
    plane = mesh.plane(revision) or next(iter(mesh.control_planes), None)
    for definition in mesh.definitions:
        if definition.managers and definition.name.endswith(".istio.io"):
            return _choose(definition.managers, mesh)
    return _SUCCESSOR.get(plane.installer if plane else "", Owner())


# images


def proxy_image(release: Release) -> str:
    """The proxy image that the revision of *release* injects: values of its injector's ConfigMap, else of its gateway.

    Empty when the manifests do not say.
    """
    values = _injector_values(release)
    return _image(values.get("global") or {}) if values else ""


def _injector_values(release: Release) -> dict[str, Any]:
    for document in release.part("control-plane"):
        body = document.body
        if body["kind"] == "ConfigMap" and str(body["metadata"]["name"]).startswith("istio-sidecar-injector"):
            found: dict[str, Any] = json.loads((body.get("data") or {}).get("values") or "{}")
            return found
    return {}


def asked_labels(release: Release) -> tuple[str, ...]:
    """Labels of pods that istiod itself looks at before it injects, sorted (``injectRequired``, pkg/kube/inject/inject.go).

    They are those of ``neverInjectSelector`` and ``alwaysInjectSelector`` in the configuration of its injector.
    """
    asked = injecting(release) or InjectorSettings()
    return tuple(sorted(set().union(*map(selector_keys, (*asked.never, *asked.always)))))


def plane_image(release: Release) -> str:
    """The image of istiod in the manifests of *release*; empty when they do not say."""
    return str(_discovery(release).get("image", ""))


def plane_environment(release: Release) -> dict[str, str]:
    """The environment of istiod in the manifests of *release*, as far as it is literal."""
    given = _discovery(release).get("env") or ()
    return {str(e["name"]): str(e["value"]) for e in given if e.get("value") is not None}


def _discovery(release: Release) -> dict[str, Any]:
    """Istiod's container; empty when there is none."""
    for document in release.part("control-plane"):
        body = document.body
        if body["kind"] == "Deployment" and str(body["metadata"]["name"]).startswith("istiod"):
            containers = body["spec"]["template"]["spec"]["containers"]
            return next((c for c in containers if c["name"] == "discovery"), {})
    return {}


def _image(values: dict[str, Any]) -> str:
    name = str((values.get("proxy") or {}).get("image") or "proxyv2")
    if "/" in name:
        return name
    tag, variant = str(values.get("tag") or ""), str(values.get("variant") or "")
    return _typed(f"{values.get('hub', '')}/{name}:{tag}", variant)


def _typed(image: str, variant: str) -> str:
    if not variant or image.endswith(f"-{variant}"):
        return image
    for other in _TYPES:
        image = image.removesuffix(f"-{other}")
    return image if variant == "default" else f"{image}-{variant}"


def expected_image(workload: Workload, image: str) -> str:
    """What *workload* runs when its revision injects *image*: its own pins win, as in istiod (``ProxyImage``)."""
    if own := workload.chosen_image:
        return own
    variant = workload.template_annotations.get(IMAGE_TYPE, "")
    return _typed(image, variant) if image and variant else image


def image_text(image: Image | None) -> str:
    """``repository:tag-variant``, without digest; empty for None."""
    if image is None:
        return ""
    variant = f"-{image.variant}" if image.variant else ""
    return f"{image.repository}:{image.tag}{variant}" if image.tag else f"{image.repository}@{image.digest}"
