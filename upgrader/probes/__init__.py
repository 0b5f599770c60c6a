"""Live looks: one question to the cluster each, one reading back. Used before, between and after steps."""

from __future__ import annotations

from upgrader.probes.admission.accepted import ConfigAccepted
from upgrader.probes.admission.injection import InjectionCase, Injects
from upgrader.probes.admission.next_pods import NextPodsOn
from upgrader.probes.admission.validation import Validates
from upgrader.probes.admission.webhooks import WebhooksResolve
from upgrader.probes.control_plane import ControlPlaneReady
from upgrader.probes.gateways import GatewaysKnown, GatewaysOn
from upgrader.probes.idle import RevisionIdle
from upgrader.probes.listeners import ListenersRead
from upgrader.probes.proxies import ProxiesConnected
from upgrader.probes.retired import RevisionGone
from upgrader.probes.sync.proxies import ProxiesSynced
from upgrader.probes.workloads import WorkloadsOn

AnyProbe = (
    ControlPlaneReady
    | Injects
    | NextPodsOn
    | Validates
    | ConfigAccepted
    | WorkloadsOn
    | ProxiesConnected
    | ProxiesSynced
    | WebhooksResolve
    | GatewaysOn
    | GatewaysKnown
    | ListenersRead
    | RevisionIdle
    | RevisionGone
)
"""The closed union of everything a gate can ask."""

__all__ = [
    "AnyProbe",
    "ConfigAccepted",
    "ControlPlaneReady",
    "GatewaysKnown",
    "GatewaysOn",
    "InjectionCase",
    "Injects",
    "ListenersRead",
    "NextPodsOn",
    "ProxiesConnected",
    "ProxiesSynced",
    "RevisionGone",
    "RevisionIdle",
    "Validates",
    "WebhooksResolve",
    "WorkloadsOn",
]
