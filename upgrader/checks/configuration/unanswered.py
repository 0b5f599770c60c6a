from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

UNREAD, UNSEEN = "UPG-0303", "UPG-0351"
_QUESTIONS = {
    "envoyfilters": "whether EnvoyFilters name what a hop takes away (UPG-0398, UPG-0352, UPG-0353)",
    "customresourcedefinitions": "whether definitions are new enough for each hop (UPG-0355, UPG-0356)",
    "virtualservices": "whether VirtualServices contradict each other or name what is not there (UPG-0357, UPG-0359)",
    "destinationrules": "whether DestinationRules contradict each other, and which subsets there are (UPG-0358, UPG-0359)",
    "gateways": "whether Gateways are in each other's way or have no owner (UPG-0399, UPG-0387)",
    "serviceentries": "whether ServiceEntries contradict each other or are kept by another system (UPG-0365, UPG-0389)",
    "secrets": "when certificates of the authority end, and whether clusters are joined (UPG-0366, UPG-0367, UPG-0394)",
    "configmaps": "what proxies trust, and how each revision is set (UPG-0367, UPG-0368, UPG-0396)",
    "validatingwebhookconfigurations": "who validates configuration (UPG-0386)",
    "ingressclasses": "which other ingress controllers there are (UPG-0388)",
    "ingresses": "which other ingress controllers there are (UPG-0388)",
}
"""Resource to what cannot be answered without it."""


def unanswered(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Say which questions to configuration, trust and neighbours stay open, since their objects could not be read.

    It goes into the finding that names what could not be read (``mesh.unread``), as one of its facts.
    """
    del context
    for optional in (False, True):
        open_ = [
            (e.what, q)
            for e in mesh.unread
            if e.optional is optional
            if (q := _QUESTIONS.get(_plural(e.what)))
        ]
        if open_:
            yield Finding(
                code=UNSEEN if optional else UNREAD,
                severity=Severity.ADVISORY if optional else Severity.BLOCKED,
                subject="",
                summary="questions that stay open because of it:",
                what=tuple(dict.fromkeys(f"{what}: {question}" for what, question in open_)),
                objects=tuple(dict.fromkeys(what for what, _ in open_)),
            )


def _plural(what: str) -> str:
    """``secrets`` of ``secrets in namespace shop``, ``gateways`` of ``gateways.networking.istio.io``, ``secrets`` of ``Secret a/b``."""
    word = what.partition(" ")[0].partition(".")[0].lower()
    return word if word in _QUESTIONS else f"{word}s"
