"""Offline questions to a snapshot and the catalog; each answers with findings, and decides nothing.

One file, one function, one code (two where the second is the milder form of the first). ``CHECKS`` is the list in
reading order: first what makes all else pointless, then what the cluster offers (nodes, network, room), images, workloads,
labels, webhooks, gateways, configuration, trust, installation, neighbours.
"""

from __future__ import annotations

from upgrader.checks.advisories import upgrade_notes
from upgrader.checks.capacity.alone import alone
from upgrader.checks.capacity.floor import istiod_floor
from upgrader.checks.capacity.limits import limits
from upgrader.checks.capacity.memory import istiod_memory
from upgrader.checks.capacity.quotas import quotas
from upgrader.checks.capacity.room import second_control_plane
from upgrader.checks.configuration.default_owner import default_owner
from upgrader.checks.configuration.destination_rules import destination_rules
from upgrader.checks.configuration.envoyfilters.changed import changed_filters
from upgrader.checks.configuration.envoyfilters.gateways import filters_of_all_gateways
from upgrader.checks.configuration.envoyfilters.untyped import untyped_filters
from upgrader.checks.configuration.envoyfilters.versions import filter_versions
from upgrader.checks.configuration.gateway_api import gateway_api
from upgrader.checks.configuration.gateway_servers import gateway_servers
from upgrader.checks.configuration.istio_definitions import istio_definitions
from upgrader.checks.configuration.references import references
from upgrader.checks.configuration.service_entries import service_entries
from upgrader.checks.configuration.validated import validated
from upgrader.checks.configuration.virtual_services import virtual_services
from upgrader.checks.context import Check, Context, Report
from upgrader.checks.gateways.emptied import emptied
from upgrader.checks.gateways.listeners import listener_sets
from upgrader.checks.gateways.no_manifests import no_manifests
from upgrader.checks.gateways.ownership import gateway_ownership
from upgrader.checks.images.consistency import consistency
from upgrader.checks.images.init_containers import init_containers
from upgrader.checks.images.kube_injected import kube_injected
from upgrader.checks.images.node_parts import node_parts
from upgrader.checks.images.orphans import orphans
from upgrader.checks.images.pinned import pinned
from upgrader.checks.images.plane_builds import plane_builds
from upgrader.checks.injection.both_labels import both_labels
from upgrader.checks.injection.ignored_labels import ignored_labels
from upgrader.checks.injection.nowhere import nowhere
from upgrader.checks.injection.odd_values import odd_values
from upgrader.checks.injection.own_settings import own_settings
from upgrader.checks.injection.two_injectors import two_injectors
from upgrader.checks.injection.unasked import unasked
from upgrader.checks.installation.ambient import ambient
from upgrader.checks.installation.cni import cni
from upgrader.checks.installation.definitions import definitions
from upgrader.checks.installation.gitops import gitops
from upgrader.checks.installation.installers import installers
from upgrader.checks.installation.revision_labelled import revision_labelled
from upgrader.checks.installation.target_installed import target_installed
from upgrader.checks.join import joined
from upgrader.checks.mesh.kubernetes import kubernetes
from upgrader.checks.mesh.lifetime import lifetime
from upgrader.checks.mesh.mixed_versions import mixed_versions
from upgrader.checks.mesh.no_istio import no_istio
from upgrader.checks.mesh.not_ready import not_ready
from upgrader.checks.mesh.set_aside import set_aside
from upgrader.checks.mesh.two_meshes import two_meshes
from upgrader.checks.mesh.unknown_version import unknown_version
from upgrader.checks.mesh.unread import unread, unseen
from upgrader.checks.neighbours.clusters import clusters
from upgrader.checks.neighbours.ingress import other_ingress
from upgrader.checks.neighbours.kept_endpoints import kept_endpoints
from upgrader.checks.neighbours.operators import namespace_labels, operators
from upgrader.checks.neighbours.other_meshes import other_meshes
from upgrader.checks.neighbours.tracing import tracing
from upgrader.checks.neighbours.webhook_fields import webhook_fields
from upgrader.checks.network.control_plane import istiod_ports
from upgrader.checks.network.dns import cluster_dns
from upgrader.checks.network.old_revision import policy_of_one_revision
from upgrader.checks.network.plugin_settings import plugin_settings
from upgrader.checks.network.webhook_port import webhook_port
from upgrader.checks.network.workloads import proxy_egress
from upgrader.checks.nodes.kubelets import kubelets
from upgrader.checks.nodes.platforms import platforms
from upgrader.checks.nodes.pod_security import pod_security
from upgrader.checks.nodes.ready import nodes_ready
from upgrader.checks.skip import skip_refusal
from upgrader.checks.trust.expiry import expiry
from upgrader.checks.trust.identity import identity
from upgrader.checks.trust.provider import provider
from upgrader.checks.trust.roots import roots
from upgrader.checks.versions.crd_versions import crd_versions
from upgrader.checks.versions.env_flags import env_flags
from upgrader.checks.versions.floors import floors
from upgrader.checks.versions.hubs import hubs
from upgrader.checks.versions.newer import newer
from upgrader.checks.versions.profiles import profiles
from upgrader.checks.versions.skew import skew
from upgrader.checks.versions.stale import stale
from upgrader.checks.webhooks.dangling import dangling
from upgrader.checks.webhooks.default_validator import default_validator
from upgrader.checks.webhooks.no_bundle import no_bundle
from upgrader.checks.webhooks.own_pods import own_pods
from upgrader.checks.webhooks.tag_names import tag_named_like_revision
from upgrader.checks.webhooks.tags import half_moved_tag
from upgrader.checks.workloads.bare_pods import bare_pods
from upgrader.checks.workloads.budgets import budgets
from upgrader.checks.workloads.foreign_owner import foreign_owner
from upgrader.checks.workloads.host_network import host_network
from upgrader.checks.workloads.jobs import jobs
from upgrader.checks.workloads.no_pod_ready import no_pod_ready
from upgrader.checks.workloads.on_delete import on_delete
from upgrader.checks.workloads.partition import partition
from upgrader.checks.workloads.paused import paused
from upgrader.checks.workloads.recreate import recreate
from upgrader.checks.workloads.slow import slow
from upgrader.model.snapshot import Snapshot

FIRST: tuple[Check, ...] = (unread, unseen, no_istio)
"""What can be asked where there may be no Istio at all."""

CHECKS: tuple[Check, ...] = (
    *FIRST,
    two_meshes,
    unknown_version,
    mixed_versions,
    not_ready,
    set_aside,
    stale,
    newer,
    kubernetes,
    lifetime,
    floors,
    skew,
    env_flags,
    profiles,
    hubs,
    nodes_ready,
    kubelets,
    platforms,
    pod_security,
    plugin_settings,
    cluster_dns,
    webhook_port,
    istiod_ports,
    proxy_egress,
    policy_of_one_revision,
    istiod_memory,
    istiod_floor,
    second_control_plane,
    quotas,
    limits,
    alone,
    consistency,
    plane_builds,
    node_parts,
    init_containers,
    orphans,
    pinned,
    kube_injected,
    on_delete,
    paused,
    partition,
    bare_pods,
    jobs,
    foreign_owner,
    host_network,
    recreate,
    no_pod_ready,
    budgets,
    slow,
    both_labels,
    nowhere,
    unasked,
    two_injectors,
    ignored_labels,
    odd_values,
    own_settings,
    dangling,
    no_bundle,
    own_pods,
    default_validator,
    half_moved_tag,
    tag_named_like_revision,
    gateway_ownership,
    default_owner,
    emptied,
    listener_sets,
    no_manifests,
    changed_filters,
    untyped_filters,
    filter_versions,
    filters_of_all_gateways,
    revision_labelled,
    virtual_services,
    destination_rules,
    references,
    gateway_servers,
    service_entries,
    validated,
    expiry,
    roots,
    identity,
    provider,
    istio_definitions,
    gateway_api,
    definitions,
    crd_versions,
    installers,
    gitops,
    target_installed,
    ambient,
    cni,
    upgrade_notes,
    webhook_fields,
    operators,
    namespace_labels,
    other_meshes,
    other_ingress,
    kept_endpoints,
    clusters,
    tracing,
)


def run_checks(mesh: Snapshot, context: Context) -> Report:
    """Ask everything; findings come in reading order, one per code and subject."""
    asked = CHECKS if mesh.control_planes else FIRST
    return Report(joined(finding for check in asked for finding in check(mesh, context)), len(asked))


__all__ = ["CHECKS", "Check", "Context", "Report", "run_checks", "skip_refusal"]
