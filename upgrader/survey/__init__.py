"""One reading of everything that an upgrade depends on. The survey decides nothing and never writes."""

from __future__ import annotations

from upgrader.survey.facts import snapshot_digest
from upgrader.survey.take import take

__all__ = ["snapshot_digest", "take"]
