"""An advisory as a page: what changes, whom it concerns, what to do, and how to look by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from upgrader.catalog.advisories import KUBERNETES, TESTS, VIEWS
from upgrader.catalog.advisory import UNSET, Advisory, Detector, Pattern
from upgrader.catalog.walks import text_of

WAYS = ("detector", "question", "explained")
"""How an advisory is dealt with; a detector that leads to a question is a detector."""
_TESTS = {
    "equals": "is {}",
    "differs": "is there and not {}",
    "among": "is one of {}",
    "outside": "is there and none of {}",
    "matches": "matches {}",
    "contains": "contains {}",
    "below": "is a version before {}",
    "at_least": "is {} or later",
    "above": "is more than {}",
    "longer": "has more than {} members",
}
_SEEN = {
    "breaking": "breaking: something stops working",
    "behaviour": "behaviour: something works in another way",
    "info": "for information",
}


def way(one: Advisory) -> str:
    """``detector``, ``question`` or ``explained``."""
    return "detector" if one.detect else "question" if one.ask else "explained"


def counts(advisories: Sequence[Advisory]) -> dict[str, int]:
    """How many are dealt with in which way; every way is in it."""
    found = Counter(map(way, advisories))
    return {word: found[word] for word in WAYS}


def advisory_page(one: Advisory) -> str:
    """Markdown, in the form of the pages of codes."""
    parts = [
        f"# {one.id}: {one.title}",
        f"{_SEEN[one.severity]}; {one.area}. It arrives with Istio {one.minor}.",
    ]
    for title, lines in (
        ("What changes", [one.change]),
        ("Whom it concerns", [*_concerned(one)]),
        ("What to do", [*_items(one.do)]),
        ("The setting that keeps the old behaviour for a while", [one.revert]),
        (
            "Sources",
            [*_items([f"`{source}`" for source in one.source]), "", f"Compared with them on {one.seen}."],
        ),
    ):
        if any(lines):
            parts.append("\n".join([f"## {title}", "", *lines]))
    return "\n\n".join(parts) + "\n"


def _concerned(one: Advisory) -> Iterator[str]:
    if one.undetectable:
        yield f"This cannot be told from a cluster, and nobody is asked: {one.undetectable}"
    if one.detect:
        sure = "proves it" if one.certain else "is a sign of it"
        yield f"Any of these {sure}:"
        yield ""
        yield from _items(_detector(d) for d in one.detect)
    if one.ask:
        yield ""
        yield f"The question, answered with `--answer {one.id}=no` or `=yes`: {one.ask}"


def _items(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    yield from (f"- {line}" for line in lines)


def _detector(one: Detector) -> str:
    if one.check:
        return f"what the check `{one.check}` finds, which compares objects with each other"
    words = _asked(one)
    for pattern in one.also:
        words += f"; and {_asked(pattern)}"
    for pattern in one.unless:
        words += f"; unless {_asked(pattern)}"
    return words


def _asked(one: Pattern) -> str:
    labels = f" labelled `{one.selector}`" if one.selector else ""
    named = f" called `{one.name}`" if one.name else ""
    placed = f" in namespace `{one.namespace}`" if one.namespace else ""
    sidecar = "" if one.injected is UNSET else " with a sidecar" if one.injected else " without a sidecar"
    where = _command(one)
    return f"{one.kind}{named}{placed}{labels}{sidecar}: {_held(one)}{where}"


def _command(one: Pattern) -> str:
    """How to look by hand; what is a view of several objects has no command of its own."""
    if one.kind in VIEWS or (one.kind not in KUBERNETES and "." not in one.kind):
        return ""
    resource = one.kind.lower() if one.kind in KUBERNETES else f"{one.kind[0].lower()}{one.kind[1:]}"
    return f" (`kubectl get {resource.lower()} -A -o yaml`)"


def _held(one: Pattern) -> str:
    path = f"`{one.path}` " if one.path else "it "
    inner = ", and in it ".join(_held(p) for p in one.where)
    if one.exists is False:
        return f"no {path.strip()}" + (f" with {inner}" if inner else "")
    words = path + _test(one)
    return f"{words}, and in it {inner}" if inner else words


def _test(one: Pattern) -> str:
    said = next((name for name in TESTS if getattr(one, name) is not UNSET), "exists")
    if said == "exists":
        return "is there"
    if said == "empty":
        return "is empty" if one.empty else "is not empty"
    value = getattr(one, said)
    words = ", ".join(map(text_of, value)) if isinstance(value, tuple) else text_of(value)
    return _TESTS[said].format(f"`{words}`")
