"""The pod an istiod sends back: proxy container, init container, volumes, labels and annotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from upgrader.sandbox.istio.injection.decision import wants_injection
from upgrader.sandbox.istio.injection.overlay import OVERRIDES, STATUS, merged, own, strip
from upgrader.sandbox.istio.injection.proxy import PROXY, Design, container, volumes
from upgrader.sandbox.istio.injection.settings import Settings
from upgrader.sandbox.istio.planes import Istio, annotations_of, labels_of
from upgrader.sandbox.store import Obj

TEMPLATES = "inject.istio.io/templates"
NATIVE = "sidecar.istio.io/nativeSidecar"
REVISION = "istio.io/rev"
Rendered = dict[str, list[dict[str, Any]]]
_KEPT = 512
_RENDERED: dict[tuple[Any, ...], tuple[Settings, Rendered]] = {}
_REDIRECT = [
    *["istio-iptables", "-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x"],
    "",
]
INIT_NAMES = ("istio-validation", "istio-init")

__all__ = ["Refusal", "inject", "native_sidecars", "wants_injection"]


class Refusal(Exception):
    """istiod answers with an error instead of a patch."""


def inject(pod: Obj, istiod: Istio, settings: Settings, *, native: bool) -> Obj:
    """*pod* with the proxy of the serving revision; an earlier injection is replaced. What is added is shared: copy it.

    Args:
        pod: never changed.
        istiod: who serves the webhook call.
        settings: configuration of that revision.
        native: whether this istiod uses native sidecars in this cluster.

    Raises:
        Refusal: the pod asks for a template this revision does not have.
    """
    bare = strip(pod)
    template = _template(bare, settings)
    design = Design(
        istiod=istiod,
        settings=settings,
        annotations=annotations_of(bare),
        role="router" if template == "gateway" else "sidecar",
        apps=tuple(c["name"] for c in bare["spec"].get("containers") or [] if c.get("name") != PROXY),
        workload=workload_of(bare),
    )
    as_init = template == "sidecar" and _pods_wish(design.annotations, istiod, native=native)
    rendered = _rendered(design, template, as_init=as_init)
    _merge(bare, rendered, hold=_holds(design))
    _annotate(bare, design, template, rendered)
    return bare


def native_sidecars(istiod: Istio, kubelets: Callable[[], tuple[int, int]]) -> bool:
    """Whether sidecars become init containers: asked for, or by default from 1.27 when all kubelets are 1.33.

    Source: ``DetectNativeSidecar`` in pkg/kube/inject/webhook.go at 1.27.0.
    """
    word = istiod.env.get("ENABLE_NATIVE_SIDECARS", "")
    if word in ("true", "false"):
        return word == "true" and istiod.at_least(19)
    return istiod.at_least(27) and kubelets() >= (1, 33)


def workload_of(pod: Obj) -> str:
    """Name of what owns the pod: the Deployment of a ReplicaSet, else the owner, else the pod."""
    meta = pod["metadata"]
    for owner in meta.get("ownerReferences") or []:
        if owner.get("controller"):
            name = str(owner.get("name", ""))
            return name.rsplit("-", 1)[0] if owner.get("kind") == "ReplicaSet" and "-" in name else name
    return str(meta.get("name") or meta.get("generateName", "").rstrip("-"))


def _pods_wish(annotations: dict[str, str] | Any, istiod: Istio, *, native: bool) -> bool:
    wish = annotations.get(NATIVE, "") if istiod.at_least(24) else ""
    return wish == "true" if wish in ("true", "false") else native


def _template(pod: Obj, settings: Settings) -> str:
    """The one template that decides the shape; unknown names are refused as istiod does."""
    asked = annotations_of(pod).get(TEMPLATES)
    names = [name.strip() for name in asked.split(",")] if asked else list(settings.default_templates)
    for name in names:
        if settings.templates and name not in settings.templates:
            raise Refusal(f'requested template "{name}" not found; have {" ".join(settings.templates)}')
    return next((name for name in names if name in ("gateway", "sidecar")), names[0])


def _rendered(design: Design, template: str, *, as_init: bool) -> Rendered:
    """What the template adds; made once for all pods of which it would be the same."""
    istiod, notes = design.istiod, design.annotations.items()
    told = tuple(sorted(note for note in notes if "istio.io/" in note[0]))
    word = (
        istiod.uid,
        istiod.tag,
        id(design.settings),
        design.apps,
        design.workload,
        told,
        template,
        as_init,
    )
    known = _RENDERED.get(word)
    if known is None or known[0] is not design.settings:
        if len(_RENDERED) >= _KEPT:
            _RENDERED.clear()
        known = _RENDERED[word] = (design.settings, _render(design, template, as_init=as_init))
    return known[1]


def _render(design: Design, template: str, *, as_init: bool) -> Rendered:
    proxy = container(design)
    found: Rendered = {"volumes": volumes(design.istiod)}
    if template == "sidecar":
        found["initContainers"] = [_init(design)]
    if as_init:
        found["initContainers"].append({**proxy, "restartPolicy": "Always"})
    else:
        found["containers"] = [proxy]
    return found


def _init(design: Design) -> dict[str, Any]:
    """istio-init, or istio-validation where the CNI plugin sets up the redirection."""
    cni = design.settings.value("pilot.cni.enabled") or design.settings.value("istio_cni.enabled")
    ports = str(design.settings.value("global.proxy.includeInboundPorts", "*"))
    args = [*_REDIRECT, "-b", ports, "-d", "15090,15021,15020"]
    args += ["--run-validation", "--skip-rule-apply"] if cni else []
    user = 1337 if cni else 0
    capabilities: dict[str, Any] = (
        {"drop": ["ALL"]} if cni else {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}
    )
    return {
        "name": "istio-validation" if cni else "istio-init",
        "image": design.image("proxy_init"),
        "imagePullPolicy": design.settings.value("global.imagePullPolicy", "IfNotPresent"),
        "args": args,
        "resources": dict(design.settings.value("global.proxy.resources", {})),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": capabilities,
            "privileged": False,
            "readOnlyRootFilesystem": bool(cni),
            "runAsGroup": user,
            "runAsNonRoot": bool(cni),
            "runAsUser": user,
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


def _holds(design: Design) -> bool:
    wanted = design.config.get("holdApplicationUntilProxyStarts")
    return bool(wanted or design.settings.value("global.proxy.holdApplicationUntilProxyStarts"))


def _merge(pod: Obj, rendered: Rendered, *, hold: bool) -> None:
    """Put the rendered parts into the pod, in the order istiod leaves them (``reorderPod``)."""
    spec = pod["spec"]
    names = {c["name"] for kind in ("containers", "initContainers") for c in rendered.get(kind) or []}
    overrides = own(pod, names)
    if overrides:
        notes = pod["metadata"].setdefault("annotations", {})
        notes[OVERRIDES] = orjson.dumps(overrides).decode()
    originals = {c["name"]: c for containers in overrides.values() for c in containers}
    for kind in ("containers", "initContainers"):
        kept = [c for c in spec.get(kind) or [] if c.get("name") not in names]
        made = [merged(c, originals.get(c["name"], {})) for c in rendered.get(kind) or []]
        spec[kind] = _ordered(kind, kept, made, hold=hold)
        if not spec[kind]:
            del spec[kind]
    known = {v["name"] for v in rendered["volumes"]}
    spec["volumes"] = [
        *(v for v in spec.get("volumes") or [] if v.get("name") not in known),
        *rendered["volumes"],
    ]


def _ordered(
    kind: str, kept: list[dict[str, Any]], made: list[dict[str, Any]], *, hold: bool
) -> list[dict[str, Any]]:
    if kind == "containers":
        return [*made, *kept] if hold else [*kept, *made]
    first = any(c["name"] in (PROXY, "istio-validation") for c in made)
    return [*made, *kept] if first else [*kept, *made]


def _annotate(pod: Obj, design: Design, template: str, rendered: Rendered) -> None:
    meta = pod["metadata"]
    labels = dict(labels_of(pod))
    notes = dict(annotations_of(pod))
    name = labels.get("app.kubernetes.io/name") or labels.get("app") or design.workload
    version = labels.get("app.kubernetes.io/version") or labels.get("version") or "latest"
    labels.setdefault("service.istio.io/canonical-name", name)
    labels.setdefault("service.istio.io/canonical-revision", version)
    if template == "sidecar":
        labels.setdefault("security.istio.io/tlsMode", "istio")
    if design.istiod.at_least(18):
        notes[REVISION] = design.istiod.revision
    elif template == "gateway":
        labels.setdefault(REVISION, design.istiod.revision)
    if design.settings.mesh.get("enablePrometheusMerge", True):
        scrape = {"path": "/stats/prometheus", "port": "15020", "scrape": "true"}
        notes.update({f"prometheus.io/{key}": value for key, value in scrape.items()})
    if design.apps and (len(design.apps) == 1 or design.istiod.at_least(20)):
        for word in ("default-container", "default-logs-container"):
            notes.setdefault(f"kubectl.kubernetes.io/{word}", design.apps[0])
    notes.update(design.settings.annotations)
    notes[STATUS] = _status(design.istiod, rendered)
    meta["labels"], meta["annotations"] = labels, notes


def _status(istiod: Istio, rendered: Rendered) -> str:
    """The record an injected pod carries; Go writes null for what a template did not add."""
    named = {kind: [each["name"] for each in rendered[kind]] for kind in rendered}
    record = {
        "initContainers": named.get("initContainers"),
        "containers": named.get("containers"),
        "volumes": named.get("volumes"),
        "imagePullSecrets": None,
        "revision": istiod.revision,
    }
    return orjson.dumps(record).decode()
