"""What should be true of a healthy mesh, as probes: the same questions that the gates of a plan ask."""

from __future__ import annotations

from collections.abc import Sequence

from upgrader.model.snapshot import Snapshot
from upgrader.probes import AnyProbe


def expectations(mesh: Snapshot, namespaces: Sequence[str] = ()) -> tuple[AnyProbe, ...]:
    """Probes for the mesh as it is; with *namespaces*, only those about workloads there."""
    raise NotImplementedError
