"""Which objects are read, and where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from upgrader.model.kinds import ENDPOINTS, NODE, PDB, SERVICE, Kind, Obj
from upgrader.model.snapshot import Document
from upgrader.model.snapshot.documented import ACCESS, AGENTS, ALONE, WIDE
from upgrader.survey.documents.kept import document, kept_of, only
from upgrader.survey.documents.neighbours import is_neighbour
from upgrader.survey.looking import Looking

ANYWHERE = (*WIDE, *ALONE, ENDPOINTS)
"""Listed in the whole cluster, and no plan needs them."""
_WRITTEN_BY_HAND = "endpointslice.kubernetes.io/skip-mirror=true"
_NAMES = ("istio", "ztunnel")
_LABELS = frozenset(
    {"operator.istio.io/component", "install.operator.istio.io/owning-resource", "istio.io/rev"}
)


def is_foreign(kind: Kind) -> bool:
    """Whether objects of a kind that somebody else defined are read: of the Sail Operator, and certificates of cert-manager."""
    return kind.group == "sailoperator.io" or is_certificate(kind)


def is_certificate(kind: Kind) -> bool:
    """Whether it is cert-manager's Certificate, which is read in namespaces of control planes."""
    return (kind.group, kind.plural) == ("cert-manager.io", "certificates")


def documents(look: Looking, read: Mapping[Kind, Sequence[Obj]], homes: Sequence[str]) -> Iterator[Document]:
    """Every document but ConfigMaps and Secrets, each as ``kept`` says.

    Args:
        look: Reads what was not read before; what is forbidden is noted, and a plan can be made without it.
        read: Objects read before, by kind.
        homes: Namespaces of control planes.
    """
    for kind in (*WIDE, NODE, PDB):
        yield from _all(look, kind, read[kind])
    for kind in ALONE:
        yield from _all(look, kind, look.also(kind) or ())
    for kind in ACCESS:
        yield from _all(look, kind, [o for o in read[kind] if _is_istios(o) or _is_bound_to(o, homes)])
    for kind in AGENTS:
        yield from _all(look, kind, [o for o in read[kind] if is_neighbour(o, homes)])
    yield from _all(look, ENDPOINTS, _endpoints(look, read[SERVICE]))
    for kind in filter(is_foreign, look.kinds):
        for space in homes if is_certificate(kind) else ("",):
            found = look.also(kind, space) or ()
            yield from (document(kind, o, only(o, "spec", "status")) for o in found)


def _all(look: Looking, kind: Kind, objects: Collection[Obj]) -> Iterator[Document]:
    served = look.served(kind) or kind
    return (document(served, o, kept_of(kind, o)) for o in objects)


def _is_istios(obj: Obj) -> bool:
    metadata = obj["metadata"]
    return metadata["name"].startswith(_NAMES) or bool(_LABELS & (metadata.get("labels") or {}).keys())


def _is_bound_to(binding: Obj, homes: Sequence[str]) -> bool:
    """Whether it gives rights to an account of a control plane's namespace, which an upgrade may take away."""
    accounts = (s for s in binding.get("subjects") or () if s.get("kind") == "ServiceAccount")
    return any(s.get("namespace") in homes for s in accounts)


def _endpoints(look: Looking, services: Sequence[Obj]) -> list[Obj]:
    """Endpoints that no controller keeps: of Services without a selector, and those that are not to be mirrored.

    Namespaces without such a Service are not asked for their Endpoints.
    """
    bare = {
        (s["metadata"]["namespace"], s["metadata"]["name"])
        for s in services
        if not (spec := s.get("spec") or {}).get("selector") and spec.get("type") != "ExternalName"
    }
    found = {_place(o): o for o in look.also(ENDPOINTS, labels=_WRITTEN_BY_HAND) or ()}
    for space in sorted({namespace for namespace, _ in bare}):
        listed = look.also(ENDPOINTS, space)
        found |= {_place(o): o for o in listed or () if _place(o) in bare}
        if listed is None:
            break
    return [found[place] for place in sorted(found)]


def _place(obj: Obj) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
