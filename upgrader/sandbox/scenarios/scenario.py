"""What a scenario file says, strictly decoded."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import yaml

from upgrader.sandbox.charts.release import Installer, Release

FOLDER: Final = Path(__file__).parent / "data"
BASIS: Final = "cluster"
"""The file with what every cluster has; not a scenario itself."""
_ORDER: Final = ("empty", "shop", "stale-gateway", "legacy", "hostile")


class Part(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename=lambda name: name.replace("_", "-")
):
    """Anything in a scenario file: keys are written with dashes, unknown ones are refused."""


class Mesh(Part, frozen=True):
    """The control plane that runs when the scenario is up.

    Attributes:
        revision: Empty means installed without one.
        manager: Field manager that applied the objects.
        tags: Revision tags, all pointing to the revision.
        gateway_api: Bundle of Gateway API definitions to install; empty means none.
        operator: The definition of IstioOperator is there.
    """

    version: str
    revision: str = ""
    installer: Installer = "helm"
    manager: str = "kubectl"
    tags: tuple[str, ...] = ()
    gateway_api: str = ""
    operator: bool = False

    def release(self, kubernetes: str) -> Release:
        """The control plane as its installer renders it for a cluster."""
        return Release(self.version, self.revision, kubernetes=kubernetes, installer=self.installer)


class Ingress(Part, frozen=True):
    """An ingress gateway: ``istioctl`` as the default profile installs it, ``injected`` as the gateway chart does."""

    kind: Literal["istioctl", "injected"]
    name: str = "istio-ingressgateway"
    namespace: str = "istio-system"
    replicas: int = 1
    image_version: str = ""


class Workload(Part, frozen=True):
    """One workload in few words; ``spec`` and ``pod_spec`` are merged over what the words say.

    Attributes:
        later_spec: Merged over ``spec`` once everything runs, such as ``paused``.
    """

    kind: Literal["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"]
    name: str
    namespace: str
    replicas: int = 1
    image: str = ""
    service: bool = True
    annotations: dict[str, str] = {}
    pod_labels: dict[str, str] = {}
    pod_annotations: dict[str, str] = {}
    pod_spec: dict[str, Any] = {}
    spec: dict[str, Any] = {}
    later_spec: dict[str, Any] = {}


class Scenario(Part, frozen=True):
    """A cluster and where its upgrade leads.

    Attributes:
        kubernetes: Minor of the cluster, unless the caller wants another.
        target: What to pass to ``plan --to``; empty when there is nothing to upgrade.
        versions: Releases on the way to the target, one a hop.
        objects: Custom resources and others, created as they stand after the control plane is ready.
    """

    about: str = ""
    kubernetes: str = ""
    target: str = ""
    versions: tuple[str, ...] = ()
    nodes: int = 3
    mesh: Mesh | None = None
    namespaces: dict[str, dict[str, str]] = {}
    gateways: tuple[Ingress, ...] = ()
    workloads: tuple[Workload, ...] = ()
    objects: tuple[dict[str, Any], ...] = ()


def names() -> tuple[str, ...]:
    """All scenarios, the simplest first."""
    found = {path.stem for path in FOLDER.glob("*.yaml")} - {BASIS}
    return tuple(
        sorted(found, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    )


@cache
def read_scenario(name: str) -> Scenario:
    """The scenario of a name.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in {*names(), BASIS}:
        raise KeyError(name)
    data = yaml.load((FOLDER / f"{name}.yaml").read_text(), Loader=yaml.CSafeLoader)
    return msgspec.convert(data, Scenario)
