"""How many proxies are connected, as istiod itself counts them?"""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from upgrader.cluster.read import is_ready, proxy_of
from upgrader.model.failures import ServerTrouble
from upgrader.model.kinds import POD, Obj, Ref
from upgrader.model.step import Reader, Reading
from upgrader.probes.control_plane import MONITORING, istiod_pods
from upgrader.probes.unread import pending_if_unread

_CONNECTED = re.compile(r'^pilot_xds\{[^}]*?\bversion="([^"]*)"[^}]*\}\s+([0-9.eE+]+)', re.MULTILINE)
_ALIVE = re.compile(r"^pilot_info\{", re.MULTILINE)


class ProxiesConnected(msgspec.Struct, frozen=True, kw_only=True, tag="proxies-connected", tag_field="probe"):
    """Every ready pod of *revision* has a proxy of *version* that is connected to an istiod of *revision*.

    Compared by number: the istiods together count at least as many (``pilot_xds{version}``) as there are such pods.
    No answer is pending, never zero.
    """

    revision: str
    version: str
    root_namespace: str = "istio-system"

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """Both counts; fewer connections than pods is pending, since proxies come back every half hour or so."""
        istiods = istiod_pods(cluster, self.revision, self.root_namespace)
        if not istiods:
            return Reading.pending(f"istiod {self.revision} has no pod to ask")
        counted = connected(cluster, istiods)[self.version]
        expected = sum(self._is_expected(pod) for pod in cluster.list(POD))
        words = (
            f"{counted} proxies of {self.version} are connected to {self.revision}, {expected} pods are ready"
        )
        facts = {"connected": str(counted), "ready": str(expected)}
        return Reading.holds(words, **facts) if counted >= expected else Reading.pending(words, **facts)

    def title(self) -> str:
        """The question, for plan and report."""
        return f"proxies of {self.version} are connected to istiod {self.revision}"

    def _is_expected(self, pod: Obj) -> bool:
        proxy = proxy_of(pod)
        return (
            proxy is not None
            and proxy.revision == self.revision
            and proxy.version == self.version
            and is_ready(pod)
        )


def connected(cluster: Reader, istiods: list[Obj]) -> Counter[str]:
    """Connected proxies by proxy version, over all *istiods*; a proxy is connected to exactly one of them.

    Raises:
        ClusterFailure: one of them did not answer, or not with istiod's metrics. ``pilot_xds`` is absent while
            nothing is connected, so its absence counts as 0 only beside ``pilot_info``, which is always there
            (seen on 1.28.10 and 1.29.6).
    """
    found: Counter[str] = Counter()
    for pod in istiods:
        metadata = pod["metadata"]
        ref = Ref(POD, metadata["name"], metadata["namespace"])
        text = cluster.fetch(ref, MONITORING, "/metrics")
        if not _ALIVE.search(text):
            raise ServerTrouble("the answer has no pilot_info", request=f"metrics of {ref}")
        for version, count in _CONNECTED.findall(text):
            found[version] += int(float(count))
    return found
