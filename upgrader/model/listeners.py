"""Which istiod reads a ListenerSet: listeners that somebody adds to a Gateway of the Gateway API from outside.

Facts, read in istio/istio: ``ListenerSetCollection`` in pilot/pkg/config/kube/gateway/gateway_collection.go and
``buildClient`` in controller.go beside it, at 1.27.0, 1.27.9, 1.28.0, 1.28.10, 1.29.0, 1.29.4 to 1.29.6, 1.30.0 to
1.30.3 and 1.31.0-rc.0; 1.26.8 has neither.

* XListenerSet is read by 1.27 to 1.29, and only with PILOT_ENABLE_ALPHA_GATEWAY_API; 1.30 and later read ListenerSet
  instead, always. Nothing reads both.
* A label ``istio.io/rev`` on it counts literally, in every version: only the istiod of exactly that revision reads it,
  and a tag is nobody's revision. Of Gateways this is not so, they are left out of that filter.
* Without a label, an istiod that empties Gateways (``ownership.old_has_drop``) reads it only if it would own a Gateway
  in its place; the others always do. Both filters went with one change (istio/istio issue 59959).
* Its listeners come to a Gateway only where the same istiod configures both, and only to one of a class with them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

from upgrader.model.kinds import X_LISTENER_SET, Kind
from upgrader.model.ownership import old_has_drop
from upgrader.model.version import Version

ALPHA = "PILOT_ENABLE_ALPHA_GATEWAY_API"
WITHOUT_LISTENER_SETS = frozenset({"istio-waypoint", "istio-remote", "istio-east-west"})
"""Classes of istiod's whose Gateways take no listeners from outside (``supportsListenerSet``)."""
_EXPERIMENTAL_SINCE, _STANDARD_SINCE = (1, 27), (1, 30)


def alpha_on(environment: Mapping[str, str]) -> bool:
    """Whether an istiod with this environment reads what is alpha in the Gateway API, as Go reads such values."""
    return environment.get(ALPHA, "").lower() in {"1", "t", "true"}


def is_experimental(kind: Kind) -> bool:
    """Whether *kind* is of the Gateway API's experimental group."""
    return kind.group == X_LISTENER_SET.group


@cache
def knows(version: str, kind: Kind) -> bool:
    """Whether an istiod of *version* reads objects of *kind* at all; where nothing says the version, that is assumed."""
    release = Version.of_tag(version)
    if release is None:
        return True
    minor = (release.major, release.minor)
    if is_experimental(kind):
        return _EXPERIMENTAL_SINCE <= minor < _STANDARD_SINCE
    return minor >= _STANDARD_SINCE


@cache
def heeds_owner(version: str) -> bool:
    """Whether an istiod of *version* leaves a ListenerSet without a label to whoever would own a Gateway there."""
    release = Version.of_tag(version)
    return release is None or old_has_drop(release)


def takes(revision: str, version: str, kind: Kind, label: str | None, owners: Collection[str]) -> bool:
    """Whether the istiod of *revision* reads a ListenerSet.

    Args:
        revision: What the istiod calls itself.
        version: Its release; empty where nothing says.
        kind: ListenerSet or XListenerSet.
        label: Value of ``istio.io/rev`` on it, None where it has none.
        owners: Revisions that would own a Gateway without a label in its namespace.
    """
    if not knows(version, kind):
        return False
    if label is not None:
        return label == revision
    return revision in owners or not heeds_owner(version)
