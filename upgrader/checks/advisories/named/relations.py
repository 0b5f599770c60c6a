"""Objects that are concerned because of other objects: two of one name, one that selects another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from upgrader.checks.advisories.settings import Seen, inner
from upgrader.checks.advisories.world import Hit, World
from upgrader.model.injection import label_selector_matches

_DESTINATION_RULE = "DestinationRule.networking.istio.io"
_SERVICE_ENTRY = "ServiceEntry.networking.istio.io"
_ROUTE = "HTTPRoute.gateway.networking.k8s.io"
_DATAPLANE = "istio.io/dataplane-mode"


def duplicate_subsets(world: World) -> Iterator[Hit]:
    """DestinationRules in which two subsets have one name."""
    for one in world.objects(_DESTINATION_RULE):
        seen: set[str] = set()
        for number, subset in enumerate(_list(one.body, "subsets")):
            name = str(subset.get("name", ""))
            if name in seen:
                yield Hit(one.title, f"spec.subsets[{number}].name {name}")
            seen.add(name)


def shared_destination_hosts(world: World) -> Iterator[Hit]:
    """DestinationRules of one namespace for one host that are exported to different namespaces."""
    for group in _grouped(world.objects(_DESTINATION_RULE), _host):
        exports = {str(sorted(inner(one.body, "spec").get("exportTo") or ["*"])) for one in group}
        if len(exports) > 1:
            yield from (Hit(one.title, "spec.host") for one in group)


def service_entry_hosts_of_several_namespaces(world: World) -> Iterator[Hit]:
    """ServiceEntries whose host is also defined in another namespace, by another ServiceEntry or a Service, where somebody sees both."""
    defined: dict[str, list[tuple[str, set[str]]]] = defaultdict(list)
    for service in world.objects("Service"):
        defined[f"{service.name}.{service.namespace}.svc.cluster.local"].append((service.namespace, {"*"}))
    hosts = [(one, n, host) for one in world.objects(_SERVICE_ENTRY) for n, host in enumerate(_hosts(one))]
    for one, _, host in hosts:
        defined[host].append((one.namespace, _exported(one)))
    for one, number, host in hosts:
        others = (seen for namespace, seen in defined[host] if namespace != one.namespace)
        if any(_meet(_exported(one), seen) for seen in others):
            yield Hit(one.title, f"spec.hosts[{number}] {host}")


def routes_sharing_a_service(world: World) -> Iterator[Hit]:
    """HTTPRoutes that have a Service as parent which another HTTPRoute has too."""
    parents: dict[tuple[str, str], list[Hit]] = defaultdict(list)
    for one in world.objects(_ROUTE):
        for number, parent in enumerate(_list(one.body, "parentRefs")):
            if parent.get("kind") == "Service":
                key = str(parent.get("namespace") or one.namespace), str(parent.get("name", ""))
                parents[key].append(Hit(one.title, f"spec.parentRefs[{number}] {'/'.join(key)}"))
    for hits in parents.values():
        if len({hit.title for hit in hits}) > 1:
            yield from hits


def workload_entries_of_services(world: World) -> Iterator[Hit]:
    """WorkloadEntries whose labels the selector of a Service in their namespace fits."""
    services: dict[str, list[Seen]] = defaultdict(list)
    for service in world.objects("Service"):
        if inner(service.body, "spec", "selector"):
            services[service.namespace].append(service)
    for one in world.objects("WorkloadEntry.networking.istio.io"):
        labels = inner(one.body, "spec", "labels") | dict(one.labels)
        for service in services.get(one.namespace, ()):
            if label_selector_matches({"matchLabels": inner(service.body, "spec", "selector")}, labels):
                yield Hit(one.title, f"selected by {service.title}")


def gateways_selecting_managed_pods_elsewhere(world: World) -> Iterator[Hit]:
    """Istio Gateways whose selector fits a pod that istiod made for a Gateway API gateway of another namespace."""
    managed = [w for w in world.mesh.workloads if w.gateway == "api"]
    for one in world.objects("Gateway.networking.istio.io"):
        selector = inner(one.body, "spec", "selector")
        for workload in managed if selector else ():
            elsewhere = workload.ref.namespace != one.namespace
            if elsewhere and label_selector_matches({"matchLabels": selector}, workload.template_labels):
                yield Hit(one.title, f"spec.selector fits pods of {workload.ref}")


def cni_excludes_ambient(world: World) -> Iterator[Hit]:
    """Namespaces in ambient mode, or with pods that are, that Istio CNI is told to leave out."""
    excluded = {
        name.strip(): seen
        for seen in world.objects("CniEnv")
        for name in str(seen.body.get("EXCLUDE_NAMESPACES", "")).split(",")
        if name.strip()
    }
    ambient = {n.name for n in world.mesh.namespaces if n.labels.get(_DATAPLANE) == "ambient"}
    ambient |= {
        w.ref.namespace for w in world.mesh.workloads if w.template_labels.get(_DATAPLANE) == "ambient"
    }
    for name in sorted(ambient & excluded.keys()):
        seen = excluded[name]
        yield Hit(f"Namespace {name}", f"in {seen.inside}EXCLUDE_NAMESPACES of {seen.title}")


def _list(body: object, field: str) -> list[dict[str, object]]:
    found = inner(body, "spec").get(field)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _hosts(one: Seen) -> list[str]:
    found = inner(one.body, "spec").get("hosts")
    return [str(host) for host in found] if isinstance(found, list) else []


def _exported(one: Seen) -> set[str]:
    """Namespaces that see it, or ``*``."""
    names = inner(one.body, "spec").get("exportTo")
    told = {str(name) for name in names} if isinstance(names, list) and names else {"*"}
    return {one.namespace if name == "." else name for name in told} - {"~"}


def _meet(first: set[str], second: set[str]) -> bool:
    return bool(second) if "*" in first else bool(first) if "*" in second else bool(first & second)


def _host(one: Seen) -> tuple[str, str]:
    """A short name means the Service of that name in the rule's own namespace."""
    host = str(inner(one.body, "spec").get("host", ""))
    return one.namespace, host if "." in host else f"{host}.{one.namespace}.svc.cluster.local"


def _grouped(objects: tuple[Seen, ...], key: Callable[[Seen], tuple[str, str]]) -> Iterator[list[Seen]]:
    found: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for one in objects:
        found[key(one)].append(one)
    yield from (group for group in found.values() if len(group) > 1)
