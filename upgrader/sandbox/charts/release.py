"""One Istio release as an installer renders it: names, suffixes and the labels of its objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from upgrader.model.version import UNNAMED, Version

Installer = Literal["helm", "istioctl"]
Labels = dict[str, str]

HUB: Final = "docker.io/istio"


@dataclass(frozen=True, slots=True)
class Release:
    """One control plane as an installer renders it.

    Attributes:
        version: ``1.28.10``; also the tag of every image.
        revision: ``1-28-10``; empty means installed without a revision.
        kubernetes: Minor of the cluster, which decides the API versions of budgets and autoscalers.
        installer: Whose marks the objects carry.
    """

    version: str
    revision: str = ""
    hub: str = HUB
    kubernetes: str = "1.30"
    installer: Installer = "helm"
    parsed: Version = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parsed", Version.parse(self.version))

    @property
    def name(self) -> str:
        """What istiod calls itself and what ``istio.io/rev`` says."""
        return self.revision or UNNAMED

    @property
    def suffix(self) -> str:
        """What object names end in."""
        return f"-{self.revision}" if self.revision else ""

    @property
    def pods(self) -> Labels:
        """Selector of the istiod Service."""
        return {"app": "istiod", **({"istio.io/rev": self.name} if self.revision else {"istio": "pilot"})}

    def marks(self, component: str = "") -> Labels:
        """Labels by which the installer knows its objects, with the component's where it has one."""
        if self.installer == "istioctl":
            owner = {
                "install.operator.istio.io/owning-resource": "installed-state",
                "install.operator.istio.io/owning-resource-namespace": "istio-system",
                "operator.istio.io/managed": "Reconcile",
                "operator.istio.io/version": self.version,
            }
        else:
            owner = {"install.operator.istio.io/owning-resource": "unknown"} if component else {}
        of_component = (
            {"istio.io/rev": self.name, "operator.istio.io/component": component} if component else {}
        )
        return of_component | owner

    def chart(self, name: str, instance: str, chart: str = "") -> Labels:
        """Labels that every chart sets since 1.24."""
        if self.parsed.minor < 24:
            return {}
        return {
            "app.kubernetes.io/name": name,
            "app.kubernetes.io/managed-by": "Helm",
            "app.kubernetes.io/instance": instance,
            "app.kubernetes.io/part-of": "istio",
            "app.kubernetes.io/version": self.version,
            "helm.sh/chart": f"{chart or instance}-{self.version}",
        }


def labels(release: Release) -> dict[str, Labels]:
    """Labels of every kind of object of the release, by the name the templates use."""
    chart, base = release.chart("istiod", "istiod"), release.chart("istiod", "istio-base", "base")
    pilot = release.marks("Pilot")
    account = {"app": "istiod", "release": "istiod"} | release.marks() | chart
    ingress = {"app": "istio-ingressgateway", "istio": "ingressgateway"} | release.marks("IngressGateways")
    ingress_chart = release.chart("istio-ingressgateway", "istio-ingress")
    no_ambient = {"istio.io/dataplane-mode": "none"} if release.parsed.minor >= 22 else {}
    not_injected = {"sidecar.istio.io/inject": "false"}
    return {
        "base": {"app": "istiod", "release": "istio-base"} | release.marks() | base,
        "reader": {"app": "istio-reader", "release": "istio-base"}
        | release.marks()
        | release.chart("istio-reader", "istio-base", "base"),
        "validator": {
            "app": "istiod",
            "release": "istio-base",
            "istio": "istiod",
            "istio.io/rev": release.name,
        }
        | release.marks()
        | base,
        "account": account,
        "read_account": account | {"app": "istio-reader"} | release.chart("istio-reader", "istiod"),
        "scaler": pilot | account,
        "config": pilot | {"release": "istiod"} | chart,
        "pilot": pilot | {"app": "istiod", "istio": "pilot", "release": "istiod"} | chart,
        "pod": pilot
        | {"app": "istiod", "istio": "istiod" if release.revision else "pilot"}
        | not_injected
        | no_ambient
        | chart,
        "injector": pilot | {"app": "sidecar-injector", "release": "istiod"} | chart,
        "checker": account | {"istio": "istiod", "istio.io/rev": release.name},
        "ingress": ingress | {"release": "istio-ingress"} | ingress_chart,
        "ingress_pod": ingress | {"release": "istio"} | not_injected | no_ambient | ingress_chart,
    }
