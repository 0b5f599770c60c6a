"""Advisories of the catalog, asked of a snapshot: what changes on the way, and which objects it concerns."""

from __future__ import annotations

from upgrader.checks.advisories.check import upgrade_notes

__all__ = ["upgrade_notes"]
