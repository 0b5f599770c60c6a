"""What of Kubernetes bears on an upgrade: Services, Nodes, policies, quotas, neighbours; how much of each is kept.

Nobody's secrets are in it, and a plan can be made where none of it may be read: then ``Snapshot.unread`` says so.
"""

from __future__ import annotations

from upgrader.model.snapshot.documented import WIDE
from upgrader.survey.documents.configuration import DNS, config_maps, settings
from upgrader.survey.documents.reading import ANYWHERE, documents, is_certificate, is_foreign
from upgrader.survey.documents.secrets import AUTHORITIES, secrets

__all__ = [
    "ANYWHERE",
    "AUTHORITIES",
    "DNS",
    "WIDE",
    "config_maps",
    "documents",
    "is_certificate",
    "is_foreign",
    "secrets",
    "settings",
]
