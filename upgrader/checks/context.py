"""What a check is given beside the snapshot, and what a round of checks answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import msgspec

from upgrader.catalog import Catalog
from upgrader.catalog.advisory import Advisory
from upgrader.model.answer import Answer
from upgrader.model.finding import Finding
from upgrader.model.installing import Configured
from upgrader.model.playbook import Patience
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants, as far as checks need it.

    Attributes:
        path: Versions; the first is the one that runs, each next one is a hop away.
        excluded: ``namespace`` or ``namespace/workload`` that stays behind on purpose.
        site: Folder of the site's own catalog, whole; empty where there is none.
        mirrors: Image repositories that hold the same images: upstream to mirror.
        advisories: Minor to what changes when one moves onto it, as ``checks.advisories.choosing`` finds it.
        answers: Advisory id to what somebody answered.
        parts: Version to the parts that its manifests have; a version without an entry was not looked at.
        step_patience: How long a run waits for one step.
        configured: Version to what its manifests say about the control plane; likewise.
    """

    path: tuple[Version, ...]
    catalog: Catalog
    excluded: tuple[str, ...] = ()
    site: str = ""
    mirrors: Mapping[str, str] = {}
    advisories: Mapping[str, tuple[Advisory, ...]] = {}
    answers: Mapping[str, Answer] = {}
    parts: Mapping[str, frozenset[str]] = {}
    step_patience: timedelta = Patience().step
    configured: Mapping[str, Configured] = {}


class Report(msgspec.Struct, frozen=True):
    """Every finding in reading order, one per code and subject, and how many checks were run."""

    findings: tuple[Finding, ...]
    ran: int


Check = Callable[[Snapshot, Context], Iterator[Finding]]
"""One offline question. Pure; yields nothing when all is well."""
