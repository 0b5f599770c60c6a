"""Control planes and the webhooks that lead to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from upgrader.cluster.read.images import image_of, version_of
from upgrader.cluster.read.pods import REVISION
from upgrader.cluster.read.workloads import ref_of, settled
from upgrader.model.image import Image
from upgrader.model.kinds import MUTATING_WEBHOOK, SERVICE, VALIDATING_WEBHOOK, Obj, Ref
from upgrader.model.snapshot import ControlPlane, TagService, Webhook, WebhookEntry
from upgrader.model.version import UNNAMED

TAG = "istio.io/tag"
DISCOVERY = "discovery"
"""The container of istiod."""
INJECTION = "sidecar-injector.istio.io"
_PREFIX = "istiod-"
_KEEPERS = ("pilot-discovery", "kube-controller-manager", "kubectl-scale", "kubectl-rollout")
_GITOPS = ("argocd.argoproj.io", "toolkit.fluxcd.io")


def is_control_plane(deployment: Obj) -> bool:
    """Whether it runs istiod: a container ``discovery``, and label ``app: istiod`` or an image named pilot."""
    container = _discovery(deployment)
    if container is None:
        return False
    template = ((deployment["spec"].get("template") or {}).get("metadata") or {}).get("labels") or {}
    labelled = "istiod" in {(deployment["metadata"].get("labels") or {}).get("app"), template.get("app")}
    return labelled or image_of(str(container.get("image", ""))).repository.endswith("pilot")


def control_plane_of(deployment: Obj, values: Mapping[str, Any] | str | None = None) -> ControlPlane:
    """The control plane that *deployment* runs.

    Args:
        deployment: For which ``is_control_plane`` holds.
        values: Key ``values`` of its ConfigMap ``istio-sidecar-injector[-REVISION]``: text or parsed; it says which
            proxy image is injected.
    """
    metadata, container = deployment["metadata"], _discovery(deployment) or {}
    env = {e["name"]: str(e["value"]) for e in container.get("env") or () if "value" in e}
    image = image_of(str(container.get("image", "")))
    wanted = deployment["spec"].get("replicas")
    return ControlPlane(
        ref=ref_of(deployment),
        uid=metadata.get("uid", ""),
        revision=revision_label(deployment) or env.get("REVISION") or _of_name(metadata["name"]),
        version=version_of(image),
        image=image,
        proxy_image=_proxy_image(values),
        replicas=1 if wanted is None else int(wanted),
        ready=int((deployment.get("status") or {}).get("readyReplicas") or 0),
        settled=settled(deployment),
        installer=installer_of(deployment),
        labels=dict(metadata.get("labels") or {}),
        env=env,
        annotations=gitops_annotations(deployment),
    )


def installer_of(obj: Obj) -> str:
    """Who installed *obj*: ``sail``, ``helm``, ``istioctl``, ``manifests`` or ``unknown``.

    Labels that every method's charts carry (``app.kubernetes.io/managed-by: Helm``, ``helm.sh/chart``, ``release``,
    ``operator.istio.io/component``) prove nothing by themselves; together with a client-side manager of kubectl, or
    without any trace of an installer, they tell plain manifests.
    """
    metadata = obj["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    owners = metadata.get("ownerReferences") or ()
    if labels.get("managed-by") == "sail-operator" or any(
        str(o.get("apiVersion", "")).startswith("sailoperator.io/") for o in owners
    ):
        return "sail"
    if "meta.helm.sh/release-name" in annotations:
        return "helm"
    managers = {
        str(m.get("manager", "")) for m in metadata.get("managedFields") or () if not m.get("subresource")
    }
    if "operator.istio.io/managed" in labels or "istio-operator" in managers:
        return "istioctl"
    if any(m.startswith("kubectl") for m in managers) or "operator.istio.io/component" in labels:
        return "manifests"
    return "unknown"


def managers_of(obj: Obj, field: str = "") -> dict[str, str]:
    """Field manager to operation (``Apply`` before ``Update``) of those who wrote *obj*, or its *field* (``f:spec``).

    Without those who only keep it running: status writers, controllers, istiod itself (it fills in certificates and
    failure policies), ``kubectl scale`` and ``kubectl rollout``.
    """
    found: dict[str, str] = {}
    for entry in obj["metadata"].get("managedFields") or ():
        name, operation = str(entry.get("manager", "")), str(entry.get("operation", ""))
        if entry.get("subresource") or name.startswith(_KEEPERS):
            continue
        if not field or field in (entry.get("fieldsV1") or {}):
            found[name] = "Apply" if "Apply" in {operation, found.get(name)} else operation
    return dict(sorted(found.items()))


def label_owners(obj: Obj, keys: Iterable[str]) -> dict[str, str]:
    """Each label of *keys* that *obj* has to the field managers that wrote it, by name and joined by commas."""
    found: dict[str, set[str]] = {key: set() for key in keys if key in (obj["metadata"].get("labels") or {})}
    for entry in obj["metadata"].get("managedFields") or () if found else ():
        metadata = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
        for key, owners in found.items():
            if f"f:{key}" in (metadata.get("f:labels") or {}) and not entry.get("subresource"):
                owners.add(str(entry.get("manager", "")))
    return {key: ", ".join(sorted(owners)) for key, owners in sorted(found.items()) if owners}


def gitops_annotations(obj: Obj) -> dict[str, str]:
    """The annotations that say which tool keeps *obj* as a repository says: Argo CD and Flux."""
    annotations = obj["metadata"].get("annotations") or {}
    return {k: v for k, v in sorted(annotations.items()) if k.partition("/")[0].endswith(_GITOPS)}


def webhooks_of(configurations: Iterable[Obj]) -> list[Webhook]:
    """Those of *configurations* that are Istio's or call an istiod, in their order."""
    return [webhook_of(one) for one in configurations if is_istio_webhook(one)]


def is_istio_webhook(configuration: Obj) -> bool:
    """Whether a webhook configuration is Istio's: by its labels, by the names of its entries, or by calling an istiod."""
    labels = configuration["metadata"].get("labels") or {}
    if labels.get("app") in {"sidecar-injector", "istiod"} or labels.get("istio") == "istiod":
        return True
    return any(_is_istio_entry(entry) for entry in configuration.get("webhooks") or ())


def webhook_of(configuration: Obj) -> Webhook:
    """The configuration with what decides: who is called for which objects."""
    metadata = configuration["metadata"]
    labels = metadata.get("labels") or {}
    kind = MUTATING_WEBHOOK if configuration["kind"] == MUTATING_WEBHOOK.kind else VALIDATING_WEBHOOK
    return Webhook(
        ref=Ref(kind, metadata["name"]),
        uid=metadata.get("uid", ""),
        revision=labels.get(REVISION, ""),
        tag=labels.get(TAG, ""),
        entries=tuple(_entry(w) for w in configuration.get("webhooks") or ()),
        labels=dict(labels),
    )


def tag_service_of(service: Obj) -> TagService | None:
    """What a Service says about a tag; None when it is not the Service of one."""
    metadata = service["metadata"]
    labels = metadata.get("labels") or {}
    if labels.get("app") != "istiod" or not labels.get(TAG):
        return None
    return TagService(
        ref=Ref(SERVICE, metadata["name"], metadata["namespace"]),
        uid=metadata.get("uid", ""),
        tag=labels[TAG],
        revision=labels.get(REVISION, ""),
    )


def revision_label(obj: Obj) -> str:
    """Label ``istio.io/rev`` of *obj*; empty when it has none."""
    return str((obj["metadata"].get("labels") or {}).get(REVISION, ""))


def _discovery(deployment: Obj) -> Obj | None:
    spec = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
    return next((c for c in spec.get("containers") or () if c.get("name") == DISCOVERY), None)


def _of_name(name: str) -> str:
    return name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else UNNAMED


def _is_istio_entry(entry: Obj) -> bool:
    service = ((entry.get("clientConfig") or {}).get("service") or {}).get("name", "")
    named = str(entry.get("name", "")).endswith((INJECTION, "validation.istio.io", "validator.istio.io"))
    return named or service == "istiod" or str(service).startswith(_PREFIX)


def _entry(webhook: Obj) -> WebhookEntry:
    client = webhook.get("clientConfig") or {}
    service = client.get("service")
    return WebhookEntry(
        name=str(webhook.get("name", "")),
        service=f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "",
        ca=bool(client.get("caBundle")),
        failure_policy=str(webhook.get("failurePolicy") or "Fail"),
        namespace_selector=webhook.get("namespaceSelector") or {},
        object_selector=webhook.get("objectSelector") or {},
        resources=tuple(
            f"{group}/{version}/{resource}"
            for rule in webhook.get("rules") or ()
            for group in rule.get("apiGroups") or ()
            for version in rule.get("apiVersions") or ()
            for resource in rule.get("resources") or ()
        ),
    )


def _proxy_image(values: Mapping[str, Any] | str | None) -> Image | None:
    """``global.hub/global.proxy.image:global.tag-global.variant``; an image with a slash is taken as it is.

    Source: ``ProxyImage`` in pkg/kube/inject/webhook.go.
    """
    if isinstance(values, str):
        try:
            values = orjson.loads(values)
        except orjson.JSONDecodeError:
            return None
    told = values.get("global") if isinstance(values, Mapping) else None
    if not isinstance(told, Mapping):
        return None
    name = str((told.get("proxy") or {}).get("image") or "proxyv2")
    if "/" in name:
        return image_of(name)
    hub, tag, variant = (str(told.get(k) or "") for k in ("hub", "tag", "variant"))
    if not hub or not tag:
        return None
    chosen = image_of(f"{hub}/{name}:{tag}")
    if variant and not chosen.variant:
        return Image(chosen.repository, chosen.tag, variant if variant in {"distroless", "debug"} else "", "")
    return chosen
