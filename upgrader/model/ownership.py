"""Which istiod acts on a Gateway of gateway.networking.k8s.io, and what its change of owner can cost.

Facts: pkg/revisions/tag_watcher.go, equal in Istio 1.28.10, 1.29.6 and 1.31.0-rc.0 (``GetMyTags``, ``IsMine``), and
seen on running control planes of 1.28.10 and 1.29.6.
"""

from __future__ import annotations

from collections.abc import Mapping

from upgrader.model.injection import REVISION
from upgrader.model.snapshot import ApiGateway, Snapshot
from upgrader.model.version import UNNAMED, Version

DEFAULT_TAG = "default"
DEFAULT_VALIDATOR = "istiod-default-validator"
DEFAULT_WEBHOOK = "istio-revision-tag-default"
"""While a webhook configuration of this name is there, the default validator makes no owner."""

_DROP_FIXED = {(1, 29): 5, (1, 30): 2}
_NO_DROP_SINCE = (1, 31)
_VALIDATOR_COUNTS_SINCE = (1, 28)
"""Before it only the tag ``default`` makes a default revision (pkg/revisions/tag_watcher.go, 1.25 to 1.27)."""

Tags = Mapping[str, frozenset[str]]

DEPLOYS_ITS_OWN_SINCE = Version(1, 18, 0)
"""Before it every istiod made the Deployment of a Gateway without a label (deploymentcontroller.go, 1.17.8 and 1.18.0)."""
CONFIGURES_ITS_OWN_SINCE = Version(1, 24, 3)
"""Before it every istiod configured the proxies of one (pilot/pkg/config/kube/gateway/controller.go, 1.24.2 and 1.24.3)."""


def namespace_suffix(root: str) -> str:
    """What names of injectors and tag webhooks end in: nothing, or *root* where that is not istio-system.

    Fact: charts istiod and revision-tags; cluster-wide names must tell the namespaces of istiods apart.
    """
    return "" if root == "istio-system" else f"-{root}"


def gateway_owners(  # noqa: PLR0917  six facts decide, and each caller has all six
    gateway_labels: Mapping[str, str],
    ns_labels: Mapping[str, str],
    tags: Tags,
    live: Mapping[str, str],
    default_validator: str,
    default_tag_webhook: bool,
) -> frozenset[str]:
    """Every live revision that would act on a Gateway: none leaves it alone, more than one fight over it.

    Args:
        gateway_labels: Labels of the Gateway; its ``istio.io/rev`` counts if present, even when empty.
        ns_labels: Labels of its namespace, asked only if the Gateway has no such label.
        tags: Tag to the revisions that its webhook and its Service name.
        live: Revisions whose istiod runs (wanted replicas above 0), each with its version.
        default_validator: Revision of webhook configuration ``istiod-default-validator``, or empty; it makes an owner
            of an istiod of 1.28 and later only.
        default_tag_webhook: Whether the webhook configuration of tag ``default`` exists.
    """
    selector = gateway_labels.get(REVISION, ns_labels.get(REVISION, ""))
    named = selector or DEFAULT_TAG
    candidates = frozenset({named}) | tags.get(named, frozenset())
    if not selector and not default_tag_webhook and default_validator:
        candidates |= (
            {default_validator} if _heeds_validator(live.get(default_validator, "")) else frozenset()
        )
    return candidates & live.keys()


def _heeds_validator(version: str) -> bool:
    """Whether an istiod of *version* takes the default validator for a sign that it is the default; unknown ones do."""
    release = Version.of_tag(version)
    return release is None or (release.major, release.minor) >= _VALIDATOR_COUNTS_SINCE


def needs_owner(gateway: ApiGateway) -> Version:
    """The first release whose istiods leave *gateway*, if it has no label, to its owner.

    Who brings pods of their own for it needs the configuration only.
    """
    return DEPLOYS_ITS_OWN_SINCE if gateway.managed else CONFIGURES_ITS_OWN_SINCE


def tags_of(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    """Tag to the revisions that its objects name; more than one is a half-moved tag."""
    pairs = [(w.tag, w.revision) for w in snapshot.injectors if w.tag]
    pairs += [(s.tag, s.revision) for s in snapshot.tag_services if s.tag]
    tags: dict[str, frozenset[str]] = {}
    for tag, revision in pairs:
        tags[tag] = tags.get(tag, frozenset()) | {revision}
    return dict(sorted(tags.items()))


def live_of(snapshot: Snapshot) -> frozenset[str]:
    """Revisions whose istiod is wanted with at least one replica."""
    return frozenset(p.revision for p in snapshot.control_planes if p.replicas > 0)


def default_validator_of(snapshot: Snapshot) -> str:
    """Revision that the default validator names, or empty when there is none."""
    return next((v.revision for v in snapshot.validators if v.ref.name == DEFAULT_VALIDATOR), "")


def owners_of(gateway: ApiGateway, snapshot: Snapshot) -> frozenset[str]:
    """``gateway_owners`` of *gateway* as the mesh is now."""
    return _owners(gateway.labels, gateway.ref.namespace, snapshot)


def owners_without_label(namespace: str, snapshot: Snapshot) -> frozenset[str]:
    """``gateway_owners`` of what has no label itself in *namespace*, as the mesh is now."""
    return _owners({}, namespace, snapshot)


def _owners(labels: Mapping[str, str], space: str, snapshot: Snapshot) -> frozenset[str]:
    namespace = snapshot.namespace(space)
    return gateway_owners(
        labels,
        namespace.labels if namespace else {},
        tags_of(snapshot),
        {p.revision: p.version for p in snapshot.control_planes if p.replicas > 0},
        default_validator_of(snapshot),
        any(w.tag == DEFAULT_TAG or w.ref.name == DEFAULT_WEBHOOK for w in snapshot.injectors),
    )


def resolve(name: str, snapshot: Snapshot) -> frozenset[str]:
    """The installed revisions that *name*, a revision or a tag, stands for; () when it stands for nothing."""
    tagged = tags_of(snapshot).get(name, frozenset())
    installed = frozenset(p.revision for p in snapshot.control_planes)
    return (tagged or frozenset({name or UNNAMED})) & installed


def old_has_drop(version: Version) -> bool:
    """Whether an istiod of *version* empties a gateway's configuration the moment it stops being the owner.

    Issue istio/istio 59959; no fixed 1.28 is known. Waypoints are not affected. The catalog has the same releases as floor
    ``gateways-emptied``, for routes; steps, probes and the sandbox ask here, and a test holds the two together.
    """
    minor = (version.major, version.minor)
    if minor >= _NO_DROP_SINCE:
        return False
    fixed = _DROP_FIXED.get(minor)
    return fixed is None or version.patch < fixed
