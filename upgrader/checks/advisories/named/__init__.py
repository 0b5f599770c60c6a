"""Detectors that no pattern can say, by their name in the catalog: one function, one name, in a file by subject.

Each takes the world and yields what is concerned; it asks ``world.objects``, so that what could not be read is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from upgrader.checks.advisories.named.connections import slow_reconnection
from upgrader.checks.advisories.named.deployed_gateways import (
    alpha_routes_of_our_gateways,
    gateways_are_fought_over,
    gateways_are_renamed,
    proxy_configs_lose_gateways,
)
from upgrader.checks.advisories.named.ingress import ingress_order
from upgrader.checks.advisories.named.networks import networks_differ
from upgrader.checks.advisories.named.old_patches import (
    alternative_names_are_unchecked,
    passthrough_stays_open,
    policies_do_not_reach_older_proxies,
    services_select_workload_entries,
    unready_endpoints_are_sent,
)
from upgrader.checks.advisories.named.relations import (
    cni_excludes_ambient,
    duplicate_subsets,
    foreign_certificate_refs,
    gateways_selecting_managed_pods_elsewhere,
    routes_sharing_a_service,
    service_entry_hosts_of_several_namespaces,
    shared_destination_hosts,
    workload_entries_of_services,
)
from upgrader.checks.advisories.world import Hit, World

NamedCheck = Callable[[World], Iterator[Hit]]

_CHECKS: tuple[NamedCheck, ...] = (
    alpha_routes_of_our_gateways,
    alternative_names_are_unchecked,
    cni_excludes_ambient,
    duplicate_subsets,
    foreign_certificate_refs,
    gateways_are_fought_over,
    gateways_are_renamed,
    gateways_selecting_managed_pods_elsewhere,
    ingress_order,
    networks_differ,
    passthrough_stays_open,
    policies_do_not_reach_older_proxies,
    proxy_configs_lose_gateways,
    routes_sharing_a_service,
    service_entry_hosts_of_several_namespaces,
    services_select_workload_entries,
    shared_destination_hosts,
    slow_reconnection,
    unready_endpoints_are_sent,
    workload_entries_of_services,
)
NAMED: Mapping[str, NamedCheck] = {check.__name__: check for check in _CHECKS}
