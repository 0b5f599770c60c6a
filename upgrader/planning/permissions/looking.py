"""What is read without a plan, and what every run reads and writes to keep its lock and its record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from upgrader.model.change import HOME
from upgrader.model.kinds import (
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    LEASE,
    MUTATING_WEBHOOK,
    NAMESPACE,
    NODE,
    PDB,
    POD,
    SECRET,
    VALIDATING_WEBHOOK,
    Kind,
    Ref,
)
from upgrader.planning.permissions.ground import Ground
from upgrader.planning.permissions.permission import Permission, each, every, on
from upgrader.planning.permissions.probing import WEBHOOKS, services
from upgrader.survey.documents import ANYWHERE, AUTHORITIES, DNS, is_certificate, is_foreign
from upgrader.survey.members import ENDING, RESTARTABLE
from upgrader.survey.planes import CLUSTER_WIDE, IN_ROOT
from upgrader.survey.resources import is_ours

_LOCK = Ref(LEASE, "lock", HOME)


def surveying(ground: Ground, new: Iterable[Kind] = ()) -> Iterator[Permission]:
    """What the survey reads: the whole mesh.

    Args:
        ground: The cluster.
        new: Kinds that it may serve later.
    """
    yield from knowing_the_cluster()
    yield from every((NAMESPACE, NODE, POD, PDB, CRD, MUTATING_WEBHOOK, VALIDATING_WEBHOOK))
    yield from every((*RESTARTABLE, *ENDING, *CLUSTER_WIDE))
    served = {(k.group, k.plural) for k in ground.served}
    for space in ground.planes:
        yield from every((k for k in IN_ROOT if (k.group, k.plural) in served), space)
    yield from every(k for k in (*ground.served, *new) if is_ours(k.group))
    yield from each(ground.called, "get")
    yield from each(ground.owners, "get")


def seeing_more(ground: Ground) -> Iterator[Permission]:
    """What the survey reads as well, for checks alone: without it a plan is made all the same, and says what was not seen.

    ``secrets_of`` is more of that kind, and is handed out apart.
    """
    served = {(k.group, k.plural) for k in ground.served}
    yield from every(k for k in ANYWHERE if (k.group, k.plural) in served)
    yield from each(DNS, "get")
    for kind in filter(is_foreign, ground.served):
        for space in ground.planes if is_certificate(kind) else ("",):
            yield Permission("list", kind, space)


def secrets_of(ground: Ground) -> Iterator[Permission]:
    """Secrets with an authority's certificate, and those with the kubeconfig of another cluster.

    Only public facts of them are kept. But who has these rights can read keys, so no other role has them.
    """
    for space in ground.planes:
        yield from each((Ref(SECRET, name, space) for name in AUTHORITIES), "get")
        yield Permission("list", SECRET, space)


def knowing_the_cluster() -> Iterator[Permission]:
    """Which cluster this is."""
    yield from on(Ref(NAMESPACE, "kube-system"), "get")


def finding_runs() -> Iterator[Permission]:
    """Runs, their records and the lock, as everybody may read them who resumes or asks for the status."""
    yield from every((CONFIG_MAP,), HOME)
    yield Permission("get", CONFIG_MAP, HOME)
    yield from on(_LOCK, "get")


def leaving(ground: Ground, root: str) -> Iterator[Permission]:
    """Whether the mesh may be left as it is, which is asked at every stop."""
    yield from every((DEPLOYMENT,), root)
    yield from every((POD, NAMESPACE, *WEBHOOKS))
    yield from services(ground, root)


def keeping() -> Iterator[Permission]:
    """The lock and the copy of the record, in our own namespace."""
    yield from knowing_the_cluster()
    yield from finding_runs()
    yield from on(Ref(NAMESPACE, HOME), "get")
    yield from on(_LOCK, "patch")
    yield from (Permission(verb, CONFIG_MAP, HOME) for verb in ("create", "patch"))


def beginning(ground: Ground) -> Iterator[Permission]:
    """What only the first run of a cluster has to make."""
    yield from on(_LOCK, "create")
    if ground.homeless:
        yield Permission("create", NAMESPACE)
