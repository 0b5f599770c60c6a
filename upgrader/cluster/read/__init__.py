"""Raw objects as the nouns of the model: one reading of each kind for survey, probes and steps alike. Pure."""

from __future__ import annotations

from upgrader.cluster.read.images import image_of, text_of, version_of
from upgrader.cluster.read.listeners import listener_set_of
from upgrader.cluster.read.planes import (
    control_plane_of,
    gitops_annotations,
    installer_of,
    is_control_plane,
    is_istio_webhook,
    label_owners,
    managers_of,
    revision_label,
    tag_service_of,
    webhook_of,
    webhooks_of,
)
from upgrader.cluster.read.pods import (
    PROXY,
    injected_revision,
    is_live,
    is_native,
    is_ready,
    owner_of,
    owner_text,
    part_image,
    proxy_container,
    proxy_kind,
    proxy_of,
    revision_of,
)
from upgrader.cluster.read.templates import ISTIOS_OWN, template_facts
from upgrader.cluster.read.workloads import (
    gateway_kind,
    gateway_owner,
    ref_of,
    settled,
    template_of,
    workload_of,
)

__all__ = [
    "ISTIOS_OWN",
    "PROXY",
    "control_plane_of",
    "gateway_kind",
    "gateway_owner",
    "gitops_annotations",
    "image_of",
    "injected_revision",
    "installer_of",
    "is_control_plane",
    "is_istio_webhook",
    "is_live",
    "is_native",
    "is_ready",
    "label_owners",
    "listener_set_of",
    "managers_of",
    "owner_of",
    "owner_text",
    "part_image",
    "proxy_container",
    "proxy_kind",
    "proxy_of",
    "ref_of",
    "revision_label",
    "revision_of",
    "settled",
    "tag_service_of",
    "template_facts",
    "template_of",
    "text_of",
    "version_of",
    "webhook_of",
    "webhooks_of",
    "workload_of",
]
