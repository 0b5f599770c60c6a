"""Looking ahead with the same steps: what each would send, and, asked by dry run, what the server says to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from upgrader.engine.driving.wait import looked
from upgrader.model.change import Change, Save, reason
from upgrader.model.duration import in_words
from upgrader.model.errors import UpgradeError
from upgrader.model.failures import ClusterFailure, Denied, Invalid
from upgrader.model.kinds import DEPLOYMENT
from upgrader.model.step import Reader, Verdict, missing
from upgrader.planning.plan import Gate, Hop, Plan, Planned
from upgrader.steps import ApplyManifests

Depth = Literal["server", "client"]
Answer = Literal["accepted", "already", "shown", "later", "cannot", "refused"]
"""``later``: it builds on a step that has not happened; ``cannot``: a webhook refuses dry runs."""


@dataclass(frozen=True)
class Rehearsed:
    """One step, rehearsed.

    Attributes:
        changes: What would be sent, in words.
        detail: What the server said, or what is waited for.
    """

    hop: Hop
    item: Planned
    answer: Answer
    changes: tuple[str, ...] = ()
    detail: str = ""


def rehearse(plan: Plan, reader: Reader, depth: Depth) -> Iterator[Rehearsed]:
    """Walk the plan without waiting and without writing.

    With ``server`` the changes of the first hop are sent with ``dryRun=All``; later hops build on a control plane that
    does not exist yet and are shown only.
    """
    first = next((item for _, _, item in plan.items()), None)
    for hop, _, item in plan.items():
        server = depth == "server" and hop is plan.hops[0]
        if isinstance(item.action, Gate):
            yield _gate(hop, item, item.action, reader, first=item is first)
        else:
            yield _step(hop, item, reader, server=server, needs=_needs(plan, hop, item, reader))


def _gate(hop: Hop, item: Planned, gate: Gate, reader: Reader, *, first: bool) -> Rehearsed:
    waits = [f"would wait {in_words(gate.soak)}"] if gate.soak else []
    waits += [f"would ask for {gate.approval!r}"] if gate.approval else []
    readings = [looked(lambda p=probe: p.look(reader)) for probe in gate.probes]  # type: ignore[misc]
    held = sum(1 for r in readings if r.verdict is Verdict.HOLDS)
    waits += [f"{held} of {len(readings)} probes hold now"] if readings else []
    broken = next((r.summary for r in readings if r.verdict is not Verdict.HOLDS), "") if first else ""
    answer: Answer = "refused" if broken else "shown"
    return Rehearsed(hop, item, answer, detail="; ".join([*waits, *([broken] if broken else [])]))


def _needs(plan: Plan, hop: Hop, item: Planned, reader: Reader) -> Callable[[], str]:
    """What *item* builds on that has not happened: an earlier hop, a control plane, a move of the same object."""

    def find() -> str:
        if hop is not plan.hops[0]:
            return f"hop {hop.number - 1}"
        before = list(takewhile(lambda one: one is not item, hop.items()))
        same = [one.id for one in before if _subject(one) and _subject(one) == _subject(item)]
        revision = getattr(item.action, "revision", "")
        planes = [
            one.id
            for one in before
            if isinstance(one.action, ApplyManifests)
            and (one.action.part, one.action.revision) == ("control-plane", revision)
        ]
        there = bool(planes) and bool(reader.list(DEPLOYMENT, labels=f"app=istiod,istio.io/rev={revision}"))
        return next(iter([*same[-1:], *([] if there else planes)]), "")

    return find


def _subject(item: Planned) -> tuple[str, object] | None:
    """What a step moves."""
    for word in ("ref", "namespace", "tag"):
        found = getattr(item.action, word, None)
        if found:
            return word, found
    return None


def _step(hop: Hop, item: Planned, reader: Reader, *, server: bool, needs: Callable[[], str]) -> Rehearsed:
    assert not isinstance(item.action, Gate)
    try:
        changes = missing(item.action, reader)
    except UpgradeError as error:
        earlier = needs()
        if earlier:
            return Rehearsed(hop, item, "later", detail=f"builds on {earlier}")
        return Rehearsed(hop, item, "refused", detail=error.headline)
    except ClusterFailure as failure:
        return Rehearsed(hop, item, "later", detail=f"could not look: {failure.message}")
    words = tuple(reason(change) for change in changes)
    if not changes:
        return Rehearsed(hop, item, "already")
    if not server:
        return Rehearsed(hop, item, "shown", words)
    return _ask(hop, item, changes, words, reader)


def _ask(
    hop: Hop, item: Planned, changes: tuple[Change, ...], words: tuple[str, ...], reader: Reader
) -> Rehearsed:
    for change in changes:
        if isinstance(change, Save):
            continue
        try:
            reader.rehearse(change)
        except Denied as failure:
            refuses = "does not support dry run" in failure.message
            return Rehearsed(hop, item, "cannot" if refuses else "refused", words, failure.message)
        except Invalid as failure:
            missing = failure.status == 404
            return Rehearsed(hop, item, "later" if missing else "refused", words, failure.message)
        except ClusterFailure as failure:
            return Rehearsed(hop, item, "refused", words, f"{reason(change)}: {failure.message}")
    return Rehearsed(hop, item, "accepted", words)
