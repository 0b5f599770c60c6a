"""Spans of time: the way playbooks write them, and the ways people are told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from upgrader.model.duration import between, duration, in_words, took, written


@pytest.mark.parametrize(
    ("seconds", "exact", "rough", "passed"),
    [
        (0, "0s", "0 s", "0s"),
        (45, "45s", "45 s", "45s"),
        (60, "1m", "1 min", "1m00s"),
        (312, "5m12s", "5 min", "5m12s"),
        (3840, "1h4m", "64 min", "1h04m"),
        (5400, "1h30m", "90 min", "1h30m"),
    ],
)
def test_a_length_is_told_to_the_second_in_words_and_as_a_time_that_passed(
    seconds: int, exact: str, rough: str, passed: str
) -> None:
    length = timedelta(seconds=seconds)
    assert (written(length), in_words(length), took(seconds)) == (exact, rough, passed)


@pytest.mark.parametrize("text", ["45s", "10m", "2h"])
def test_a_length_is_written_as_a_playbook_has_it(text: str) -> None:
    assert written(duration(text)) == text


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (29, 241, "29 s to 5 min"),
        (59, 119, "59-119 s"),
        (60, 120, "1-2 min"),
        (3599, 3600, "59-60 min"),
        (3659, 3661, "1 h 00 min to 1 h 02 min"),
        (7200, 7200, "2 h 00 min"),
    ],
)
def test_of_a_range_the_shorter_is_rounded_down_and_the_longer_up(low: int, high: int, words: str) -> None:
    assert between(timedelta(seconds=low), timedelta(seconds=high)) == words
