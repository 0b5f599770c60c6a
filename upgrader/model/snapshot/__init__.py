"""The mesh at one moment, as the survey read it: frozen, serialisable, the only thing checks and planning see."""

from __future__ import annotations

from upgrader.model.kinds import Labels
from upgrader.model.snapshot.installed import (
    Belonging,
    Certificate,
    ControlPlane,
    Definition,
    TagService,
    Webhook,
    WebhookEntry,
)
from upgrader.model.snapshot.members import Crowd, Disruption, Namespace, Proxy, RunningImage, Workload
from upgrader.model.snapshot.mesh import ClusterId, Snapshot, Unread
from upgrader.model.snapshot.objects import ApiGateway, CustomResource, Document, ListenerSet
from upgrader.model.snapshot.stored import read_snapshot

__all__ = [
    "ApiGateway",
    "Belonging",
    "Certificate",
    "ClusterId",
    "ControlPlane",
    "Crowd",
    "CustomResource",
    "Definition",
    "Disruption",
    "Document",
    "Labels",
    "ListenerSet",
    "Namespace",
    "Proxy",
    "RunningImage",
    "Snapshot",
    "TagService",
    "Unread",
    "Webhook",
    "WebhookEntry",
    "Workload",
    "read_snapshot",
]
