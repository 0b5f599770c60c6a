"""Detectors that no pattern can say, by their name in the catalog: one function, one name, in a file by subject.

Each takes the world and yields what is concerned; it asks ``world.objects``, so that what could not be read is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

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
    cni_excludes_ambient,
    duplicate_subsets,
    foreign_certificate_refs,
    gateways_selecting_managed_pods_elsewhere,
    routes_sharing_a_service,
    service_entry_hosts_of_several_namespaces,
    shared_destination_hosts,
    workload_entries_of_services,
)
NAMED: Mapping[str, NamedCheck] = {check.__name__: check for check in _CHECKS}
