"""The sandbox answers every case as the recorded server of that minor did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import tests.conformance.cases  # noqa: F401 (makes the cases known)
from tests.conformance.book import Book, books, differences
from tests.conformance.case import CASES, answers
from tests.conformance.face import Sandbox, sandbox

BOOKS = {book.kubernetes: book for book in books()}


@pytest.fixture(scope="module")
def places() -> Iterator[dict[str, Sandbox]]:
    """One sandbox a version, begun when it is first asked for."""
    from contextlib import ExitStack

    class Places(dict[str, Sandbox]):
        def __missing__(self, kubernetes: str) -> Sandbox:
            self[kubernetes] = stack.enter_context(sandbox(kubernetes))
            return self[kubernetes]

    with ExitStack() as stack:
        yield Places()


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("kubernetes", sorted(BOOKS))
def test_a_case_is_answered_as_the_real_server_answered_it(
    places: dict[str, Sandbox], kubernetes: str, name: str
) -> None:
    wanted = BOOKS[kubernetes].cases[name]
    told = differences(wanted, answers(CASES[name], places[kubernetes]))
    assert told == [], "\n".join(told)


@pytest.mark.parametrize("book", BOOKS.values(), ids=lambda book: book.kubernetes)
def test_a_recording_is_of_the_cases_there_are_and_stays_small(book: Book) -> None:
    assert book.cases.keys() == CASES.keys(), "record again: python -m tests.conformance"
    assert book.path.stat().st_size < 500_000


def test_there_are_recordings_and_enough_cases() -> None:
    assert BOOKS
    assert len(CASES) >= 80
