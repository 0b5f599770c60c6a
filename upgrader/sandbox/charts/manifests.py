"""Small manifests of our own, in the shape of what upstream's charts render.

Names, labels, selectors, webhook entries and keys of ConfigMaps are those of the named release, so that what reads a
mesh cannot tell the difference; schemas, resource settings and injection templates are cut to what the sandbox
needs. Which release has which object was read from charts rendered for 1.12 to 1.30.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from upgrader.model.version import Version
from upgrader.sandbox.charts.release import HUB, Release, labels

_FOLDER: Final = Path(__file__).parent / "templates"
_ALL_GROUPS: Final = ("security.istio.io", "networking.istio.io", "telemetry.istio.io", "extensions.istio.io")
_ALL: Final = ["get", "list", "watch", "create", "update", "patch", "delete"]
_READ: Final = ["get", "list", "watch"]
_RULES: Final[dict[str, list[dict[str, list[str]]]]] = {
    "control": [
        {
            "apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
            "verbs": [*_READ, "update", "patch"],
        },
        {"apiGroups": list(_ALL_GROUPS), "resources": ["*"], "verbs": _READ},
        {
            "apiGroups": ["gateway.networking.k8s.io"],
            "resources": ["*"],
            "verbs": [*_READ, "update", "patch"],
        },
        {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["gatewayclasses"], "verbs": _ALL},
        {"apiGroups": [""], "resources": ["pods", "nodes", "services", "namespaces"], "verbs": _READ},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": [*_READ, "create", "update"]},
    ],
    "gateways": [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": _ALL},
        {"apiGroups": [""], "resources": ["services", "serviceaccounts"], "verbs": _ALL},
    ],
    "read": [
        {"apiGroups": list(_ALL_GROUPS), "resources": ["*"], "verbs": _READ},
        {"apiGroups": [""], "resources": ["endpoints", "pods", "services", "nodes"], "verbs": _READ},
    ],
    "local": [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": _ALL},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": _ALL},
    ],
}
_STATS_FILTERS: Final = {
    12: (10, 11, 12),
    13: (11, 12, 13),
    14: (11, 12, 13, 14, 15),
    15: (13, 14, 15),
    16: (13, 14, 15, 16),
    17: (13, 14, 15, 16, 17),
}
"""Proxy minors whose statistics a release up to 1.17 configured by EnvoyFilters of its revision."""


def _values(release: Release) -> dict[str, Any]:
    images = {"hub": release.hub, "tag": release.version, "istioNamespace": "istio-system"}
    proxy = {
        "autoInject": "enabled",
        "clusterDomain": "cluster.local",
        "image": "proxyv2",
        "statusPort": 15020,
    }
    return {
        "global": images | {"proxy": proxy, "proxy_init": {"image": "proxyv2"}, "variant": ""},
        "revision": release.revision,
        "sidecarInjectorWebhook": {
            "alwaysInjectSelector": [],
            "defaultTemplates": [],
            "enableNamespacesByDefault": False,
            "injectedAnnotations": {},
            "neverInjectSelector": [],
            "rewriteAppHTTPProbe": True,
        },
    }


def _apis(release: Release) -> dict[str, str]:
    """API versions as the charts choose them: fixed before 1.14, by what the cluster serves since."""
    if release.parsed.minor < 14:
        return {"disruption": "v1beta1", "autoscaling": "v2beta1"}
    serves_v2 = Version.parse(release.kubernetes).minor >= 23
    return {"disruption": "v1", "autoscaling": "v2" if serves_v2 else "v2beta2"}


def _cpu_metric(api: str) -> list[dict[str, Any]]:
    old = {"name": "cpu", "targetAverageUtilization": 80}
    new = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    return [{"type": "Resource", "resource": old if api == "v2beta1" else new}]


def _context(release: Release) -> dict[str, Any]:
    minor, apis = release.parsed.minor, _apis(release)
    images = {"hub": release.hub, "tag": release.version}
    return {
        "minor": minor,
        "version": release.version,
        "revision": release.name,
        "suffix": release.suffix,
        "hub": release.hub,
        "labels": labels(release),
        "pods": release.pods,
        "selector": release.pods if release.revision else {"istio": "pilot"},
        "values": _values(release),
        "asked": {"global": images, "revision": release.revision},
        "forms": ["sidecar", "gateway", *(["waypoint", "kube-gateway"] if minor >= 18 else [])],
        "filters": _STATS_FILTERS.get(minor, ()),
        "rules": _RULES,
        "apis": apis,
        "cpu_metric": _cpu_metric(apis["autoscaling"]),
        "groups": list(_ALL_GROUPS if minor >= 16 else _ALL_GROUPS[:2]),
        "reviews": ["v1"] if minor >= 23 else ["v1beta1", "v1"],
        "kinds": _kinds(minor),
    }


@cache
def _served_kinds() -> list[dict[str, Any]]:
    kinds: list[dict[str, Any]] = yaml.safe_load((_FOLDER / "kinds.yaml").read_text())
    return kinds


def _kinds(minor: int) -> list[dict[str, Any]]:
    """Kinds that the release brings, each with the versions it serves and the one it stores."""
    found = []
    for kind in _served_kinds():
        versions = [version for version, since in kind["served"].items() if since <= minor]
        stored = [version for version, since in kind["stored"].items() if since <= minor]
        if versions:
            family = kind["group"].split(".")[0]
            label = family if family in {"security", "telemetry"} else ""
            columns = kind.get("columns", {}) if kind.get("shown", 0) <= minor else {}
            found.append(
                kind | {"versions": versions, "storage": stored[-1], "label": label, "columns": columns}
            )
    return found


def _block(value: Mapping[str, Any] | Sequence[Any], indent: int) -> str:
    """A value in YAML's block form, starting on a line of its own."""
    text = yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, default_flow_style=False, width=200)
    return "".join(f"\n{' ' * indent}{line}" for line in text.splitlines())


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=False,  # noqa: S701 -- YAML, not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["block"] = _block
    environment.filters["json_text"] = lambda value: json.dumps(json.dumps(value, indent=2))
    return environment


def _render(template: str, context: Mapping[str, Any]) -> str:
    return _templates().get_template(f"{template}.j2").render(context).strip() + "\n"


def render(release: Release) -> dict[str, str]:
    """The files of a version folder: ``crds.yaml``, ``base.yaml``, ``istiod.yaml``, each name with its text."""
    context = _context(release)
    return {name: _render(name, context) for name in ("crds.yaml", "base.yaml", "istiod.yaml")}


def render_version(
    version: str, revision: str | None = None, hub: str = HUB, *, kubernetes: str = "1.30"
) -> dict[str, str]:
    """`render` of a release as the charts do it; the revision is the version with dashes unless named."""
    named = Version.parse(version).revision if revision is None else revision
    return render(Release(version, named, hub, kubernetes))


def render_tag(tag: str, release: Release) -> str:
    """What ``istioctl tag set`` writes: webhook, from 1.28 the Service, and for ``default`` the validator."""
    context = _context(release)
    text = _render("tag.yaml", context | {"tag": tag})
    return text + (_render("default-validator.yaml", context) if tag == "default" else "")


def render_ingress_gateway(release: Release, image_version: str = "") -> str:
    """The ingress gateway as istioctl installs it: fixed image, not injected, not named after its revision."""
    return _render(
        "istio-ingressgateway.yaml", _context(release) | {"image_version": image_version or release.version}
    )


def render_gateway(release: Release, name: str, namespace: str, replicas: int = 1) -> str:
    """A gateway of the gateway chart: image ``auto``, filled in by whichever istiod injects it."""
    selector = {"app": name, "istio": name.removeprefix("istio-")}
    marks = selector | release.chart(name, name, "gateway")
    words = {
        "name": name,
        "namespace": namespace,
        "replicas": replicas,
        "gateway_selector": selector,
        "gateway_labels": marks,
        "gateway_pod_labels": {"sidecar.istio.io/inject": "true"} | marks,
    }
    return _render("gateway.yaml", words)


def render_gateway_api(bundle: str) -> str:
    """Gateway API resource definitions of one bundle, ``1.4.1``."""
    standard = Version.parse(bundle) >= Version(1, 5, 0)
    return _render("gateway-api.yaml", {"bundle": bundle, "listeners": standard})


def render_operator_definition() -> str:
    """The resource definition of IstioOperator, which istioctl installed until 1.23."""
    return _render("operator-crd.yaml", {})
