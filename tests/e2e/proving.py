"""What must be true of a mesh after anything that was done to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.bed.api import Obj
from tests.bed.bed import Bed, is_ready
from tests.e2e.mesh import Namespace
from tests.e2e.prober import dry_run_pod, injector, validation

_HOOKS = "/apis/admissionregistration.k8s.io/v1"
_KINDS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")


def wrong_with(bed: Bed, namespaces: Iterable[Namespace], revision: str) -> list[str]:
    """Everything that is not as it must be when *revision* serves *namespaces*; empty for a mesh that works."""
    here = tuple(namespaces)
    return [
        *_dangling(bed),
        *_validation(bed),
        *(problem for n in here for problem in _new_pod(bed, n, revision)),
        *(problem for n in here for problem in _old_pods(bed, n, revision)),
    ]


def _dangling(bed: Bed) -> Iterator[str]:
    """Webhooks whose Service has nobody behind it."""
    for kind in _KINDS:
        for one in bed.api.items(f"{_HOOKS}/{kind}"):
            for hook in one.get("webhooks") or ():
                if not _is_deactivated(hook) and not _is_answered(bed, hook["clientConfig"]["service"]):
                    yield f"webhook {one['metadata']['name']}/{hook['name']} has nobody behind it"


def _is_deactivated(hook: Obj) -> bool:
    labels = (hook.get("namespaceSelector") or {}).get("matchLabels") or {}
    return "istio.io/deactivated" in labels


def _is_answered(bed: Bed, service: Obj) -> bool:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{service['namespace']}/endpointslices"
    slices = bed.api.items(path, labelSelector=f"kubernetes.io/service-name={service['name']}")
    return any(e["conditions"].get("ready") for s in slices for e in s.get("endpoints") or ())


def _validation(bed: Bed) -> Iterator[str]:
    yield from (f"{asked}: {trouble}" for asked, trouble in validation(bed.api, "istio-system") if trouble)


def _new_pod(bed: Bed, namespace: Namespace, revision: str) -> Iterator[str]:
    got, refusal = dry_run_pod(bed.api, namespace.name, namespace.pod_labels)
    if got != revision:
        yield f"a new pod in {namespace.name} gets {got or refusal or 'no sidecar'}, not {revision}"


def _old_pods(bed: Bed, namespace: Namespace, revision: str) -> Iterator[str]:
    for pod in bed.api.items(f"/api/v1/namespaces/{namespace.name}/pods"):
        name = f"{namespace.name}/{pod['metadata']['name']}"
        if injector(pod) != revision:
            yield f"{name} is on {injector(pod) or 'no sidecar'}, not {revision}"
        if not is_ready(pod):
            yield f"{name} is not ready"
