"""Which istiod acts on a Gateway, asked of each istiod by itself.

Sources: pkg/revisions/tag_watcher.go (``GetMyTags``, ``IsMine``) and ``IsManaged`` in
pilot/pkg/config/kube/gateway/conversion.go at 1.28.10, 1.29.6 and 1.31.0-rc.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from upgrader.model.ownership import DEFAULT_TAG, DEFAULT_VALIDATOR
from upgrader.sandbox.istio.planes import Istio, annotations_of, labels_of
from upgrader.sandbox.store import Obj, Store

GROUP: Final = "gateway.networking.k8s.io"
REVISION: Final = "istio.io/rev"
TAG: Final = "istio.io/tag"
VERSION_NOTE: Final = "gateway.istio.io/controller-version"
BY_GATEWAYS: Final = "istio.io/gateway-controller"
BY_WAYPOINTS: Final = "istio.io/mesh-controller"
CLASSES: Final[Mapping[str, tuple[str, int, str]]] = {
    "istio": (BY_GATEWAYS, 13, "The default Istio GatewayClass"),
    "istio-remote": (
        "istio.io/unmanaged-gateway",
        18,
        "Remote to this cluster. Does not deploy or affect configuration.",
    ),
    "istio-waypoint": (BY_WAYPOINTS, 18, "The default Istio waypoint GatewayClass"),
}
"""GatewayClasses that istiod creates: controller, first minor that has it here, description."""
_SERVICE_TAGS_SINCE = 28
_VALIDATOR_SINCE = 28
_ADMISSION = "admissionregistration.k8s.io"
_CONTROLLER_VERSION = 5


def is_owner(store: Store, gateway: Obj, istiod: Istio) -> bool:
    """Whether this istiod takes the Gateway for its own."""
    namespace = store.get(("", "namespaces", "", gateway["metadata"].get("namespace", "")))
    selector = labels_of(gateway).get(REVISION, labels_of(namespace).get(REVISION, ""))
    if (selector or DEFAULT_TAG) in {istiod.revision, *tags_of(store, istiod)}:
        return True
    return not selector and istiod.at_least(_VALIDATOR_SINCE) and _default_revision(store) == istiod.revision


def tags_of(store: Store, istiod: Istio) -> set[str]:
    """Tags that lead to an istiod: by their webhook, and as 1.28 and later see it also by their Service."""
    named = list(store.list(_ADMISSION, "mutatingwebhookconfigurations"))
    if istiod.at_least(_SERVICE_TAGS_SINCE):
        named += store.list("", "services", istiod.namespace)
    labels = [labels_of(obj) for obj in named]
    return {found[TAG] for found in labels if found.get(TAG) and found.get(REVISION) == istiod.revision}


def _default_revision(store: Store) -> str:
    """Revision of the default validator, which counts only while no default tag exists."""
    if store.get((_ADMISSION, "mutatingwebhookconfigurations", "", f"istio-revision-tag-{DEFAULT_TAG}")):
        return ""
    validator = store.get((_ADMISSION, "validatingwebhookconfigurations", "", DEFAULT_VALIDATOR))
    return labels_of(validator).get(REVISION, "")


def controller_of(store: Store, gateway: Obj) -> str:
    """Controller of the Gateway's class, empty when nobody knows the class."""
    name = str((gateway.get("spec") or {}).get("gatewayClassName", ""))
    stored = store.get((GROUP, "gatewayclasses", "", name))
    if stored is not None:
        return str(stored["spec"].get("controllerName", ""))
    return CLASSES[name][0] if name in CLASSES else ""


def is_managed(gateway: Obj) -> bool:
    """Whether istiod deploys it: it names no address, or one that is an IP."""
    addresses = (gateway.get("spec") or {}).get("addresses") or []
    return not addresses or (len(addresses) == 1 and addresses[0].get("type", "IPAddress") == "IPAddress")


def controller_version(istiod: Istio) -> int | None:
    """Number an istiod writes on Gateways it deploys; None for those that write none.

    Source: ``ControllerVersion`` in deploymentcontroller.go, backported to 1.16.5 and 1.17.3 as 1.
    """
    if istiod.at_least(18):
        return _CONTROLLER_VERSION
    version = istiod.version
    return (
        1
        if (version.minor, version.patch) >= {16: (16, 5), 17: (17, 3)}.get(version.minor, (99, 0))
        else None
    )


def may_manage(gateway: Obj, istiod: Istio) -> bool:
    """False when the Gateway was deployed by a later controller, or carries a number nobody can read."""
    own, found = controller_version(istiod), annotations_of(gateway).get(VERSION_NOTE)
    if own is None or found is None:
        return True
    return found.isdigit() and int(found) <= own


def gateway_version(store: Store, plural: str) -> str:
    """The version to speak to one kind of the Gateway API in, empty while it is not served."""
    crd = store.get(("apiextensions.k8s.io", "customresourcedefinitions", "", f"{plural}.{GROUP}"))
    conditions = ((crd or {}).get("status") or {}).get("conditions") or []
    if crd is None or not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return ""
    served = {version["name"] for version in crd["spec"]["versions"] if version.get("served")}
    return next((version for version in ("v1", "v1beta1", "v1alpha2") if version in served), "")


def name_of(obj: Obj) -> str:
    """``namespace/name``."""
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
