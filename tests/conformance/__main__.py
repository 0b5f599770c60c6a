"""``python -m tests.conformance [CASE...]``: record what the real server answers, and say where the sandbox differs.

The server is that of the kubeconfig in UPGRADER_BED_KUBECONFIG. Given cases (a part of the name is enough) are recorded
again, the others are kept.
"""

from __future__ import annotations

import sys

import tests.conformance.cases  # noqa: F401 (makes the cases known)
from tests.conformance.book import Book, books, told_apart
from tests.conformance.case import CASES, CannotBeAsked, answers
from tests.conformance.face import KUBECONFIG, real, sandbox, version_of


def main(words: list[str]) -> int:
    """Record; the exit code is 1 where the sandbox differs."""
    place = real()
    if place is None:
        print(f"{KUBECONFIG} names no kubeconfig: there is no real server to ask", file=sys.stderr)
        return 2
    kubernetes = version_of(place)
    chosen = [one for name, one in sorted(CASES.items()) if not words or any(word in name for word in words)]
    known = next((dict(book.cases) for book in books() if book.kubernetes == kubernetes), {})
    equal = 0
    with sandbox(kubernetes) as ours:
        for one in chosen:
            try:
                known[one.name] = answers(one, place)
            except CannotBeAsked as why:
                print(f"{one.name}\n  not recorded: {why}")
                continue
            told = told_apart(known[one.name], one, ours)
            equal += not told
            for line in told:
                print(f"{one.name}\n  {line}")
    Book(kubernetes, {name: told for name, told in known.items() if name in CASES}).save()
    print(
        f"recorded {len(chosen)} cases of Kubernetes {kubernetes}; the sandbox answers {equal} of them alike"
    )
    return 0 if equal == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
