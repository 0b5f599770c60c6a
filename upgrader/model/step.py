"""The contract of everything that looks at the cluster or wants to change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Protocol, TypeVar

import msgspec

from upgrader.model.change import ApiChange, Change
from upgrader.model.kinds import Kind, Obj, Ref


class Reader(Protocol):
    """All that steps, probes and the survey are ever given.

    Every method raises the failures of ``model.failures``; "could not read" is never "not there".
    """

    def get(self, ref: Ref) -> Obj | None:
        """The object, or None when the server said that it does not exist (or its kind is not served)."""
        ...

    def list(self, kind: Kind, *, namespace: str = "", labels: str = "") -> Sequence[Obj]:
        """Every object of *kind*, to the last page, with ``kind`` and ``apiVersion`` set; () when the kind is not served."""
        ...

    def kinds(self) -> Sequence[Kind]:
        """Every served resource in its preferred version, found by discovery."""
        ...

    def rehearse(self, change: ApiChange) -> Obj | None:
        """What the server would store, asked with ``dryRun=All``; admission included."""
        ...

    def fetch(self, pod: Ref, port: int, path: str) -> str:
        """What *pod* answers on *port*, through the API server's proxy."""
        ...

    def forward(self, pod: Ref, port: int, path: str) -> tuple[int, bytes]:
        """Status and body of what *pod* answers on *port* to a caller on its own loopback address, by port-forward.

        Every status is the pod's own word; what the API server refuses is raised, and ``Unforwardable`` when there is
        no way at all. Nothing is changed.
        """
        ...

    def saved(self, path: str) -> bytes | None:
        """A file of the run directory, or None."""
        ...


class Verdict(Enum):
    """What one look says; there is no fourth."""

    PENDING = "pending"
    HOLDS = "holds"
    BROKEN = "broken"


class Reading(msgspec.Struct, frozen=True):
    """One look: a verdict, one line that says why, and the numbers behind it."""

    verdict: Verdict
    summary: str
    facts: Mapping[str, str] = {}

    @classmethod
    def holds(cls, summary: str, **facts: str) -> Reading:
        return cls(Verdict.HOLDS, summary, facts)

    @classmethod
    def pending(cls, summary: str, **facts: str) -> Reading:
        return cls(Verdict.PENDING, summary, facts)

    @classmethod
    def broken(cls, summary: str, **facts: str) -> Reading:
        return cls(Verdict.BROKEN, summary, facts)


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 pod``, ``2 pods``; with *plural* where an s is not enough: ``2 proxies``."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def worst(readings: Sequence[Reading], summary: str) -> Reading:
    """Broken if one is broken, else pending if one is pending, else *summary* holds."""
    for verdict in (Verdict.BROKEN, Verdict.PENDING):
        found = [r for r in readings if r.verdict is verdict]
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            return Reading(verdict, found[0].summary + more, found[0].facts)
    return Reading.holds(summary)


Seen = TypeVar("Seen")


class Step(Protocol[Seen]):
    """One change: what is, what is missing, whether it came true. A step never writes.

    The fields of a step are its identity: doing it twice changes nothing the second time. ``diff`` returns ()
    when the cluster is already so. Writes carry what was seen (uid, resourceVersion).
    """

    def observe(self, cluster: Reader) -> Seen:
        """Read the little that this step depends on."""
        ...

    def diff(self, seen: Seen) -> tuple[Change, ...]:
        """Pure: the changes still missing, in the order in which they must be sent."""
        ...

    def verify(self, cluster: Reader) -> Reading:
        """One look at the outcome; the engine repeats it until it settles."""
        ...

    def title(self) -> str:
        """One line for plan, journal and report, without the step id."""
        ...


def missing(step: Step[Any], cluster: Reader) -> tuple[Change, ...]:
    """The changes that *step* still needs; () when it is already so."""
    return step.diff(step.observe(cluster))


class Probe(Protocol):
    """One live look; used before, between and after steps."""

    def look(self, cluster: Reader) -> Reading: ...

    def title(self) -> str: ...
