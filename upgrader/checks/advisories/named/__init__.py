"""Detectors that no pattern can say, by their name in the catalog: one function, one name, in a file by subject.

Each takes the world and yields what is concerned; it asks ``world.objects``, so that what could not be read is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from upgrader.checks.advisories.named.ambient import (
    ambient_configuration_of_no_revision,
    more_workloads_than_a_request_holds,
    policies_of_istio_cni,
)
from upgrader.checks.advisories.named.charts import (
    definitions_that_no_release_owns,
    gateway_charts_scaled_by_hand,
)
from upgrader.checks.advisories.named.configuration.envoy_filters import removals_that_others_build_on
from upgrader.checks.advisories.named.configuration.hosts import (
    external_names_in_use,
    hosts_under_a_wildcard_of_another,
    target_ports_without_resolution,
)
from upgrader.checks.advisories.named.configuration.reach import (
    mesh_routes_beside_sidecars,
    out_of_discovery,
    waypoints_that_nothing_names,
)
from upgrader.checks.advisories.named.connections import slow_reconnection
from upgrader.checks.advisories.named.deployed_gateways import (
    alpha_routes_of_our_gateways,
    gateways_are_fought_over,
    gateways_are_renamed,
    policies_without_a_grant,
    proxy_configs_lose_gateways,
)
from upgrader.checks.advisories.named.elsewhere import said_by_another_check
from upgrader.checks.advisories.named.gateways import (
    backend_policies_with_a_destination_rule,
    gateway_pods_of_another_account,
)
from upgrader.checks.advisories.named.ingress import ingress_order
from upgrader.checks.advisories.named.networks import networks_differ
from upgrader.checks.advisories.named.patches import (
    alternative_names_are_unchecked,
    dns_capture_needs_an_order,
    gateways_keep_their_form,
    hbone_proxies_of_1_29,
    hbone_proxies_of_1_30,
    passthrough_stays_open,
    policies_do_not_reach_older_proxies,
    services_select_workload_entries,
    unready_endpoints_are_sent,
    virtual_services_before_1_30_3,
)
from upgrader.checks.advisories.named.relations import (
    cni_excludes_ambient,
    duplicate_subsets,
    gateways_selecting_managed_pods_elsewhere,
    service_entry_hosts_of_several_namespaces,
    shared_destination_hosts,
)
from upgrader.checks.advisories.world import Hit, World

NamedCheck = Callable[[World], Iterator[Hit]]

_CHECKS: tuple[NamedCheck, ...] = (
    alpha_routes_of_our_gateways,
    alternative_names_are_unchecked,
    ambient_configuration_of_no_revision,
    backend_policies_with_a_destination_rule,
    cni_excludes_ambient,
    definitions_that_no_release_owns,
    dns_capture_needs_an_order,
    duplicate_subsets,
    external_names_in_use,
    gateway_charts_scaled_by_hand,
    gateway_pods_of_another_account,
    gateways_are_fought_over,
    gateways_are_renamed,
    gateways_keep_their_form,
    gateways_selecting_managed_pods_elsewhere,
    hbone_proxies_of_1_29,
    hbone_proxies_of_1_30,
    hosts_under_a_wildcard_of_another,
    ingress_order,
    mesh_routes_beside_sidecars,
    more_workloads_than_a_request_holds,
    networks_differ,
    out_of_discovery,
    passthrough_stays_open,
    policies_do_not_reach_older_proxies,
    policies_of_istio_cni,
    policies_without_a_grant,
    proxy_configs_lose_gateways,
    removals_that_others_build_on,
    said_by_another_check,
    service_entry_hosts_of_several_namespaces,
    services_select_workload_entries,
    shared_destination_hosts,
    slow_reconnection,
    target_ports_without_resolution,
    unready_endpoints_are_sent,
    virtual_services_before_1_30_3,
    waypoints_that_nothing_names,
)
NAMED: Mapping[str, NamedCheck] = {check.__name__: check for check in _CHECKS}
