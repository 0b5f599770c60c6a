"""Snapshots that were written down, by this release or an older one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from upgrader.model.codec import decode
from upgrader.model.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINTS,
    HPA,
    INGRESS,
    INGRESS_CLASS,
    LIMIT_RANGE,
    NETWORK_POLICY,
    NODE,
    PDB,
    PRIORITY_CLASS,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    STORAGE_CLASS,
)
from upgrader.model.snapshot.mesh import Snapshot, Unread

DOCUMENTED = (
    SERVICE, NODE, NETWORK_POLICY, RESOURCE_QUOTA, LIMIT_RANGE, HPA, PDB, INGRESS, INGRESS_CLASS, STORAGE_CLASS,
    PRIORITY_CLASS, SERVICE_ACCOUNT, ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ENDPOINTS, DEPLOYMENT,
    STATEFUL_SET, DAEMON_SET, CONFIG_MAP, SECRET,
)  # fmt: skip
"""Kinds that ``Snapshot.documents`` has, beside what others defined (cert-manager, the Sail Operator)."""
_LATER: Mapping[str, tuple[str, ...]] = {
    "documents": tuple(kind.resource for kind in DOCUMENTED),
    "mesh_configs": ("mesh configurations",),
    "injector_values": ("values of injectors",),
    "install_values": ("values of installations",),
    "certificates": ("certificates of authorities",),
}
"""Fields that releases added, each with what is missing where it is."""
_TEMPLATES = "pod templates of workloads"


def read_snapshot(data: bytes | str) -> Snapshot:
    """The snapshot that ``upgrade check -o snapshot=FILE`` wrote, or that a run directory has.

    What an older release did not write down is among ``unread``, for it is not "none".

    Raises:
        msgspec.ValidationError: it is something else, or a field has the wrong type; the message has its path.
        msgspec.DecodeError: not JSON.
    """
    found = decode(data, Snapshot)
    held = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    missing = tuple(
        Unread(what=what, why="this snapshot does not hold them: an older release took it", optional=True)
        for what in _not_in(held)
    )
    if not missing:
        return found
    unread = sorted((*found.unread, *missing), key=lambda u: (u.what, u.why, u.optional))
    return msgspec.structs.replace(found, unread=tuple(unread))


def _not_in(held: Mapping[str, msgspec.Raw]) -> Iterator[str]:
    for field, missing in _LATER.items():
        if field not in held:
            yield from missing
    workloads = msgspec.json.decode(held.get("workloads", b"[]"), type=list[msgspec.Raw])
    if workloads and "template" not in msgspec.json.decode(workloads[0], type=dict[str, msgspec.Raw]):
        yield _TEMPLATES
