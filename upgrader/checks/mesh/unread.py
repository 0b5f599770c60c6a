from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot, Unread

OPEN = {
    "networkpolicies": "whether ports 15012, 15014 and 15017 of the next istiod are open",
    "nodes": "room for a second control plane; kubelets, architectures and kernels",
    "resourcequotas": "room in quotas for a second control plane and for restarts",
    "limitranges": "whether sidecars and istiod fit into the limits of their namespaces",
    "services": "how many Services istiod serves; on which port its webhooks are reached",
    "daemonsets": "which network plugin there is",
    "horizontalpodautoscalers": "how many istiods an autoscaler wants",
    "envoyfilters": "whether EnvoyFilters name what a hop takes away",
    "customresourcedefinitions": "whether definitions are new enough for each hop",
    "virtualservices": "whether VirtualServices contradict each other or name what is not there",
    "destinationrules": "whether DestinationRules contradict each other, and which subsets there are",
    "gateways": "whether Gateways are in each other's way or have no owner",
    "listenersets": "whether listeners that are added to Gateways stay with them",
    "xlistenersets": "whether listeners that are added to Gateways stay with them",
    "serviceentries": "whether ServiceEntries contradict each other or are kept by another system",
    "secrets": "when certificates of the authority end, and whether clusters are joined",
    "configmaps": "what proxies trust, and how each revision is set",
    "validatingwebhookconfigurations": "who validates configuration",
    "ingressclasses": "which other ingress controllers there are",
    "ingresses": "which other ingress controllers there are",
}
"""Resource, without its group, to the questions that stay open without it."""


def unread(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report what could not be read: it is not "none", so nothing may be concluded from its absence."""
    del context
    yield from gaps(mesh)


def gaps(mesh: Snapshot) -> Iterator[Finding]:
    """The finding about everything that a plan depends on and that could not be read; none where all was."""
    missing = [entry for entry in mesh.unread if not entry.optional]
    if not missing:
        return
    yield Finding(
        code="UPG-0303",
        severity=Severity.BLOCKED,
        subject="",
        summary=_summary(missing),
        what=_told(missing),
        why="a plan made without them could leave something behind, or break it",
        do=(
            "kubectl auth can-i --list      # get and list on it are enough",
            "upgrade check",
        ),
        objects=tuple(entry.what for entry in missing),
    )


def unseen(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report what only checks ask about and could not see: what they do not find may be there all the same."""
    del context
    missing = [entry for entry in mesh.unread if entry.optional]
    if not missing:
        return
    yield Finding(
        code="UPG-0351",
        severity=Severity.ADVISORY,
        subject="",
        summary=f"{_summary(missing)}: checks that ask about it say nothing",
        what=_told(missing),
        why="what was not seen may be there; the plan itself does not depend on it",
        do=(
            "kubectl auth can-i --list      # get and list on it are enough",
            "upgrade check --rbac      # the rights of looking, and which of them may be left out",
        ),
        objects=tuple(entry.what for entry in missing),
    )


def _summary(missing: Sequence[Unread]) -> str:
    if len(missing) > 1:
        return f"{len(missing)} kinds of objects could not be read"
    return f"{missing[0].what} could not be read"


def _told(missing: Sequence[Unread]) -> tuple[str, ...]:
    """What, why, and which question it leaves open; a question once."""
    lines = [f"{entry.what}: {entry.why}" for entry in missing]
    questions = dict.fromkeys(OPEN.get(_plural(entry.what), "") for entry in missing)
    return (*lines, *(f"not known: {question}" for question in questions if question))


def _plural(what: str) -> str:
    """``secrets`` of ``secrets in namespace shop`` and of ``Secret shop/a``, ``gateways`` of ``gateways.networking.istio.io``."""
    word = what.partition(" ")[0].partition(".")[0].lower()
    return word if word in OPEN else f"{word}s"
