"""What the advisories say in a plan: one finding for each, however many objects it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.catalog.advisory import Advisory
from upgrader.checks.advisories.choosing import explain
from upgrader.checks.advisories.world import Hit
from upgrader.checks.context import Context
from upgrader.checks.scope import plan_command, some
from upgrader.model.answer import Answer
from upgrader.model.finding import Finding, Severity
from upgrader.model.step import counted

LINES = 10
"""Objects that are told with their field; the rest is a number, and all of them are in ``objects``."""


def concerned(one: Advisory, hits: Sequence[Hit], hop: int, context: Context, said: Answer | None) -> Finding:
    """It concerns this mesh: a detector holds, or somebody *said* so.

    What certainly breaks is blocked: because that is known before anything was changed, an exception needs a reason.
    """
    sure = one.severity == "breaking" and (one.certain or said is not None)
    titles = tuple(dict.fromkeys(hit.title for hit in hits))
    who = f": {_who(hits, titles)}" if hits else ""
    answered = (f"answered with {said.words}",) if said else ()
    do = [*one.do, *([f"or keep the old behaviour for a while: {one.revert}"] if one.revert else [])]
    if not one.certain and said is None:
        do.append(f"{_answer(context, one, 'no')}      # when it does not concern this mesh")
    return Finding(
        code="UPG-0360" if sure else "UPG-0361",
        severity=Severity.BLOCKED if sure else Severity.ADVISORY,
        subject=one.id,
        summary=f"{one.id}: {one.title}{who}",
        what=(*answered, *_lines(hits)),
        why=f"{one.change} ({explain(one.id, context.site)})",
        do=tuple(do),
        hop=hop,
        allowable=sure,
        objects=titles or (one.id,),
    )


def asked(one: Advisory, hits: Sequence[Hit], hop: int, context: Context) -> Finding:
    """Nobody answered its question yet.

    Only a breaking change of which the mesh has a sign is blocked. A question without a sign comes with every plan of
    that hop: were it blocked, people would learn to answer without looking.
    """
    stops = one.severity == "breaking" and bool(hits)
    titles = tuple(dict.fromkeys(hit.title for hit in hits))
    who = f" ({_who(hits, titles)})" if hits else ""
    return Finding(
        code="UPG-0362",
        severity=Severity.BLOCKED if stops else Severity.ADVISORY,
        subject=one.id,
        summary=f"{one.id}: {one.ask}{who}",
        what=(f"{one.severity}: {one.title}", *_lines(hits)),
        why=f"{one.change} ({explain(one.id, context.site)})",
        do=(f"{_answer(context, one, 'no')}      # or =yes: the plan then says what to do",),
        hop=hop,
        allowable=stops,
        objects=titles or (one.id,),
    )


def unjudged(kind: str, reason: str, ids: Sequence[str], site: str = "") -> Finding:
    """Advisories that cannot be told because *kind* could not be read."""
    many = "advisories" if len(ids) > 1 else "advisory"
    return Finding(
        code="UPG-0363",
        severity=Severity.ADVISORY,
        subject=kind,
        summary=f"{kind}: not read, so {len(ids)} {many} cannot be judged: {some(ids, 3)}",
        what=(reason, *ids),
        why="what could not be read is not none: each of them may concern this mesh",
        do=(f"{explain(ids[0], site)}      # how to look by hand; likewise the others",),
        objects=tuple(ids),
    )


def _answer(context: Context, one: Advisory, said: str) -> str:
    return plan_command(context, f"--answer {one.id}={said}")


def _who(hits: Sequence[Hit], titles: Sequence[str]) -> str:
    return str(hits[0]) if len(hits) == 1 else some(titles, 1) if len(titles) == 1 else _several(titles)


def _several(titles: Sequence[str]) -> str:
    return f"{counted(len(titles), 'object')}, {some(titles, 2)}"


def _lines(hits: Sequence[Hit]) -> Iterator[str]:
    yield from map(str, hits[:LINES])
    if len(hits) > LINES:
        yield f"and {len(hits) - LINES} more places"
