"""Snapshots that were written down, by this release or an older one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from upgrader.model.codec import decode
from upgrader.model.kinds import LISTENER_SET, X_LISTENER_SET
from upgrader.model.snapshot.documented import DOCUMENTED
from upgrader.model.snapshot.mesh import NotHeld, NotHeldByRevision, Snapshot, Unread

_LATER = (
    *(kind.resource for kind in DOCUMENTED),
    "mesh configurations",
    "values of injectors",
    "values of installations",
    "certificates of authorities",
    "pod templates of workloads",
)
"""What snapshots have since they have documents."""


def read_snapshot(data: bytes | str) -> Snapshot:
    """The snapshot that ``upgrade check -o snapshot=FILE`` wrote, or that a run directory has.

    What an older release did not write down is among ``unread``, for it is not "none".

    Raises:
        msgspec.ValidationError: it is something else, or a field has the wrong type; the message has its path.
        msgspec.DecodeError: not JSON.
    """
    found = decode(data, Snapshot)
    why = "this snapshot does not hold them: an older release took it"
    missing = [Unread(what=what, why=why, optional=True) for what in _not_in(found)]
    held: dict[str, Any] = {
        field: () for field in ("documents", "listener_sets") if isinstance(getattr(found, field), NotHeld)
    }
    if isinstance(found.injector_settings, NotHeldByRevision):
        held["injector_settings"] = {}
    if not held:
        return found
    unread = sorted((*found.unread, *missing), key=lambda u: (u.what, u.why, u.optional))
    return msgspec.structs.replace(found, **held, unread=tuple(unread))


def _not_in(found: Snapshot) -> Iterator[str]:
    """What *found* lacks; of what a server need not serve only what it did."""
    if isinstance(found.documents, NotHeld):
        yield from _LATER
    if isinstance(found.listener_sets, NotHeld):
        served = {(kind.group, kind.plural) for kind in found.kinds}
        yield from (k.resource for k in (LISTENER_SET, X_LISTENER_SET) if (k.group, k.plural) in served)
    if isinstance(found.injector_settings, NotHeldByRevision) and found.control_planes:
        yield "settings of injectors"
