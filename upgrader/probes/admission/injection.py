"""Who injects a pod that is created now, asked of the API server by dry run?"""

from __future__ import annotations

import msgspec

from upgrader.cluster.clean import clean_line
from upgrader.cluster.read import injected_revision, proxy_container
from upgrader.model.change import Create
from upgrader.model.codec import digest
from upgrader.model.failures import ClusterFailure, Denied
from upgrader.model.kinds import NAMESPACE, POD, Obj, Ref
from upgrader.model.step import Reader, Reading, counted, worst
from upgrader.probes.rollout import same_image
from upgrader.probes.unread import could_not_read

NOT_CALLED = "failed calling webhook"
"""How the API server begins when it could not reach a webhook, as opposed to one that said no."""


class InjectionCase(msgspec.Struct, frozen=True, kw_only=True):
    """One way of asking for injection, and what must come of it.

    Attributes:
        about: Words for people: ``namespace shop (istio.io/rev=prod)``.
        revision: Expected injector; empty when the pod must stay without a proxy.
        image: Expected proxy image; empty when only the revision counts.
        failing: The pod could not be created before the upgrade either; then only creating it by *revision* is
            better, and failing again does not count against us.
    """

    about: str
    namespace: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    revision: str
    image: str = ""
    failing: bool = False


class Injects(msgspec.Struct, frozen=True, kw_only=True, tag="injects", tag_field="probe"):
    """Each case is injected as expected, asked with a dry-run pod.

    Attributes:
        cases: One per distinct way of asking for injection (namespace, labels, annotations).
    """

    cases: tuple[InjectionCase, ...]

    def look(self, cluster: Reader) -> Reading:
        """The worst of all cases. A webhook that could not be called is pending, one that said no is broken."""
        return worst(
            [_ask(cluster, case) for case in self.cases],
            f"{counted(len(self.cases), 'dry-run pod')} as expected",
        )

    def title(self) -> str:
        """The question, for plan and report."""
        revisions = sorted({case.revision or "nobody" for case in self.cases})
        return f"{counted(len(self.cases), 'dry-run pod')} injected by {', '.join(revisions)}"


def probe_pod(case: InjectionCase) -> Obj:
    """The smallest pod that a namespace with the ``restricted`` pod security standard and a quota lets through.

    Its name is its content, so that equal questions have equal names and no two different ones meet.
    """
    resources = {"cpu": "10m", "memory": "16Mi"}
    container = {
        "name": "probe",
        "image": "upgrade-probe",
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    metadata: Obj = {"name": f"upgrade-probe-{digest(case)[:12]}", "namespace": case.namespace}
    metadata |= {"labels": case.labels} if case.labels else {}
    metadata |= {"annotations": case.annotations} if case.annotations else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [container],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }


def _ask(cluster: Reader, case: InjectionCase) -> Reading:
    pod = probe_pod(case)
    try:
        made = cluster.rehearse(Create(Ref(POD, pod["metadata"]["name"], case.namespace), pod))
    except ClusterFailure as failure:
        return _not_made(cluster, case, failure)
    container = proxy_container(made or {})
    if container is None:
        if not case.revision:
            return Reading.holds(f"{case.about}: no proxy, as expected")
        return Reading.broken(f"{case.about}: no proxy, expected one by {case.revision}")
    found, image = injected_revision(made or {"metadata": {}}), str(container.get("image", ""))
    if found != case.revision:
        expected = f"expected {case.revision}" if case.revision else "expected no proxy"
        return Reading.broken(
            f"{case.about}: injected by {clean_line(found) or 'an unknown revision'}, {expected}"
        )
    if not same_image(image, case.image):
        return Reading.broken(f"{case.about}: proxy image {clean_line(image)}, expected {case.image}")
    return Reading.holds(f"{case.about}: injected by {found}")


def _not_made(cluster: Reader, case: InjectionCase, failure: ClusterFailure) -> Reading:
    if has_gone(cluster, case.namespace):
        return Reading.holds(f"{case.about}: namespace {case.namespace} is gone")
    if case.failing:
        return Reading.holds(f"{case.about}: cannot be created, as before the upgrade ({failure.message})")
    if not isinstance(failure, Denied):
        return could_not_read(failure, f"what happens to a pod of {case.about}")
    words = f"{case.about}: {failure.message}"
    return Reading.pending(words) if failure.message.find(NOT_CALLED) >= 0 else Reading.broken(words)


def has_gone(cluster: Reader, namespace: str) -> bool:
    """Whether somebody has deleted the namespace; what cannot be read is there."""
    try:
        found = cluster.get(Ref(NAMESPACE, namespace))
    except ClusterFailure:
        return False
    return found is None or bool(found["metadata"].get("deletionTimestamp"))
