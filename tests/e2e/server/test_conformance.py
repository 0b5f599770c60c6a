"""The sandbox and a real API server, asked the same side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import tests.conformance.cases  # noqa: F401 (makes the cases known)
from tests.conformance.book import differences
from tests.conformance.case import CASES, CannotBeAsked, answers
from tests.conformance.face import KUBECONFIG, Real, Sandbox, real, sandbox, version_of

EQUAL: set[str] = set()


@pytest.fixture(scope="module")
def theirs() -> Real:
    """The real server."""
    found = real()
    if found is None:
        pytest.skip(f"{KUBECONFIG} names no kubeconfig: there is no real server to ask")
    return found


@pytest.fixture(scope="module")
def ours(theirs: Real) -> Iterator[Sandbox]:
    """A sandbox of the same version."""
    with sandbox(version_of(theirs)) as place:
        yield place


@pytest.mark.parametrize("name", sorted(CASES))
def test_both_answer_a_case_alike(theirs: Real, ours: Sandbox, name: str) -> None:
    try:
        wanted = answers(CASES[name], theirs)
    except CannotBeAsked as why:
        pytest.skip(str(why))
    told = differences(wanted, answers(CASES[name], ours))
    assert told == [], "\n".join(told)
    EQUAL.add(name)


def test_the_number_of_equal_cases_is_printed(theirs: Real, capsys: pytest.CaptureFixture[str]) -> None:
    """Stands last, so that it counts what was asked before it in this process."""
    with capsys.disabled():
        print(f"\nconformance: {len(EQUAL)} of {len(CASES)} cases equal on Kubernetes {version_of(theirs)}")
