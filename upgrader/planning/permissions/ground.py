"""What the cluster adds to what a plan says about rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from upgrader.model.change import HOME
from upgrader.model.kinds import CRD, SERVICE, Kind, Ref
from upgrader.model.snapshot import Snapshot, Webhook
from upgrader.planning.plan import Hop, Plan
from upgrader.steps.back_up import is_backed_up
from upgrader.survey.members import ENDING, RESTARTABLE


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster, as far as rights depend on it.

    Attributes:
        served: Every kind that the API server serves.
        planes: Namespaces of control planes.
        called: Services outside the root namespace that a webhook of Istio calls.
        owners: Owners of pods that are of no built-in kind, such as Rollouts.
        homeless: Our own namespace is not there yet.
    """

    served: tuple[Kind, ...] = ()
    planes: tuple[str, ...] = ()
    called: tuple[Ref, ...] = ()
    owners: tuple[Ref, ...] = ()
    homeless: bool = False

    @classmethod
    def of(cls, mesh: Snapshot) -> Ground:
        """The ground of a surveyed cluster."""
        usual = {kind.kind for kind in (*RESTARTABLE, *ENDING)} | {"Pod"}
        return cls(
            served=mesh.kinds,
            planes=tuple(sorted({p.ref.namespace for p in mesh.control_planes} | {mesh.root_namespace})),
            called=called_by((*mesh.injectors, *mesh.validators), mesh.root_namespace),
            owners=tuple(
                sorted(w.ref for w in mesh.workloads if w.ref.kind.kind not in usual and w.ref.kind.version)
            ),
            homeless=all(n.name != HOME for n in mesh.namespaces),
        )

    def configuration(self, new: Iterable[Kind] = ()) -> tuple[Kind, ...]:
        """Istio's own kinds and those of the Gateway API, together with *new* ones."""
        found = {(k.group, k.plural): k for k in (*new, *self.served) if is_backed_up(k.group)}
        return tuple(sorted(found.values()))


def called_by(webhooks: Sequence[Webhook], root: str) -> tuple[Ref, ...]:
    """The Services outside of *root* that these call."""
    places = sorted({e.service.partition("/") for w in webhooks for e in w.entries if e.service})
    return tuple(Ref(SERVICE, name, namespace) for namespace, _, name in places if namespace != root)


def defined(plan: Plan, hop: Hop) -> tuple[Kind, ...]:
    """Kinds whose definitions the plan applies before *hop* is over, as far as their names tell."""
    return tuple(k for one in plan.hops if one.number <= hop.number for k in _defined(one))


def _defined(hop: Hop) -> Iterator[Kind]:
    for item in hop.items():
        for document in getattr(item.action, "documents", ()):
            if document.ref.kind == CRD:
                plural, _, group = document.ref.name.partition(".")
                yield Kind(group, "", plural, plural)
