"""The memory of a run: whole or refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.desk import AT
from upgrader.engine.keeping.folder import RunFolder
from upgrader.engine.keeping.journal import HEAD, NAME, FileJournal, check_head, read_events, verified
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import Intent, LockLeft, Looked, Outcome, RunEvent, StepSettled, StepStarted
from upgrader.model.kinds import NAMESPACE, Ref
from upgrader.model.step import Reading

EVENTS: tuple[RunEvent, ...] = (
    StepStarted(at=AT, step="h1.01", title="move «shop»", wave="canary", hop=1),
    Intent(
        at=AT + timedelta(seconds=1.5),
        op="h1.01-1",
        step="h1.01",
        verb="patch",
        ref=Ref(NAMESPACE, "shop"),
        digest="d",
        body={"h": "x", "prev": 1},
    ),
    Outcome(at=AT, op="h1.01-1", result="committed"),
    Looked(at=AT, step="h1.01", probe="idle", reading=Reading.pending('a "quote"\r\n', left="3")),
    StepSettled(at=AT, step="h1.01", result="done", reading=Reading.holds("so"), seconds=1.25),
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A run directory with a small journal, sealed after its last record."""
    journal = FileJournal(tmp_path)
    for event in EVENTS:
        journal.append(event)
    journal.seal()
    journal.close()
    return tmp_path


def with_journal(folder: Path, data: bytes) -> Path:
    """The same directory with another journal."""
    (folder / NAME).write_bytes(data)
    return folder


def refusal(folder: Path) -> UpgradeError:
    """How opening the journal is refused."""
    with pytest.raises(UpgradeError) as told:
        FileJournal(folder)
    return told.value


def test_what_was_appended_is_read_back_in_order(written: Path) -> None:
    assert read_events(written) == list(EVENTS)
    again = FileJournal(written)
    assert again.events() == list(EVENTS)
    again.close()


def test_each_record_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    for number, event in enumerate(EVENTS, 1):
        journal.append(event)
        assert read_events(tmp_path) == list(EVENTS[:number])
    journal.close()


def test_only_its_owner_can_read_it(written: Path) -> None:
    assert {oct((written / name).stat().st_mode & 0o777) for name in (NAME, HEAD)} == {"0o600"}


def is_refused(folder: Path, data: bytes, sealed: int) -> bool:
    """Whether *data* in place of the journal is refused, given that so many records were sealed."""
    try:
        lines, _ = verified(data, folder / NAME)
        check_head(folder, (folder / HEAD).read_bytes() if sealed else None, lines)
    except UpgradeError:
        return True
    return False


@pytest.mark.slow
def test_every_flipped_bit_of_every_byte_is_refused(written: Path) -> None:
    whole = (written / NAME).read_bytes()
    flips = [(at, bit) for at in range(len(whole)) for bit in range(8)]
    taken = [
        (at, bit)
        for at, bit in flips
        if not is_refused(written, bytes([*whole[:at], whole[at] ^ (1 << bit), *whole[at + 1 :]]), 5)
    ]
    assert taken == []
    assert len(flips) > 10_000


def test_every_truncation_is_refused_once_the_end_was_sealed(written: Path) -> None:
    whole = (written / NAME).read_bytes()
    assert [length for length in range(len(whole)) if not is_refused(written, whole[:length], 5)] == []
    assert refusal(with_journal(written, whole[:-1])).code == "UPG-0502"


def test_of_records_that_are_not_sealed_yet_a_truncation_takes_whole_ones_from_the_end(
    tmp_path: Path,
) -> None:
    journal = FileJournal(tmp_path)
    for event in EVENTS:
        journal.append(event)
    journal.close()
    whole = (tmp_path / NAME).read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole)):
        lines, end = verified(whole[:length], tmp_path)
        assert [line.event for line in lines] == list(EVENTS[: whole[:length].count(b"\n")])
        assert end == whole[:length].rfind(b"\n") + 1
    assert all(is_refused(tmp_path, whole[:length], 1) for length in range(first))


def test_a_torn_last_record_is_set_aside_and_the_journal_goes_on(written: Path) -> None:
    whole = (written / NAME).read_bytes()
    with (written / NAME).open("ab") as file:
        file.write(b'{"event":{"type":"lock-l')
    journal = FileJournal(written)
    journal.append(LockLeft(at=AT, holder="x"))
    journal.close()
    assert (written / "journal.torn").read_bytes() == b'{"event":{"type":"lock-l'
    assert (written / NAME).read_bytes().startswith(whole)
    assert read_events(written) == [*EVENTS, LockLeft(at=AT, holder="x")]


def test_a_second_torn_record_does_not_take_the_place_of_the_first(written: Path) -> None:
    for tail in (b"{one", b"{two"):
        with (written / NAME).open("ab") as file:
            file.write(tail)
        FileJournal(written).close()
    assert {p.read_bytes() for p in written.glob("journal.torn*")} == {b"{one", b"{two"}


def edits() -> Iterator[tuple[str, Callable[[list[bytes]], list[bytes]]]]:
    """What a person, a sync tool or a bad disk does to lines."""
    yield "the last record deleted", lambda lines: lines[:-1]
    yield "a record in the middle deleted", lambda lines: [*lines[:2], *lines[3:]]
    yield "two records swapped", lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]
    yield "a record twice", lambda lines: [*lines[:3], lines[2], *lines[3:]]
    yield "the last record twice", lambda lines: [*lines, lines[-1]]
    yield "a word changed", lambda lines: [lines[0].replace(b"canary", b"kanary"), *lines[1:]]
    yield "an empty line added", lambda lines: [*lines, b"\n"]
    yield (
        "rewritten with spaces",
        lambda lines: [json.dumps(json.loads(line)).encode() + b"\n" for line in lines],
    )
    yield "line ends of another system", lambda lines: [line[:-1] + b"\r\n" for line in lines]


@pytest.mark.parametrize("edit", [e for _, e in edits()], ids=[n for n, _ in edits()])
def test_edited_lines_are_refused_with_the_record_and_a_way_out(
    written: Path, edit: Callable[[list[bytes]], list[bytes]]
) -> None:
    lines = (written / NAME).read_bytes().splitlines(keepends=True)
    error = refusal(with_journal(written, b"".join(edit(lines))))
    assert (error.code, error.exit_code) == ("UPG-0502", Exit.BAD_DATA)
    assert error.what[0].startswith("record ")
    assert any(command.startswith("mv ") for command in error.do)


def test_a_record_recomputed_after_an_edit_does_not_fit_the_one_behind_it(written: Path) -> None:
    lines = (written / NAME).read_bytes().splitlines(keepends=True)
    first = json.loads(lines[0]) | {"h": ""}
    first["event"]["title"] = "another title"
    bare = json.dumps(first, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    first["h"] = sha256(first["prev"].encode() + bare).hexdigest()
    lines[0] = json.dumps(first, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    assert "does not follow" in refusal(with_journal(written, b"".join(lines))).what[0]


def test_a_journal_of_a_newer_format_is_refused_by_that_name(written: Path) -> None:
    lines = (written / NAME).read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"v":1}', b'"v":2,"w":0}')
    assert (
        "it is of format 2; this release reads up to 1"
        in refusal(with_journal(written, b"".join(lines))).what[0]
    )


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{}",
        b'{"seq": 4}',
        b'{"seq": "5", "h": ""}',
        b"[]",
        b'{"seq": 99, "h": "00"}',
        b'{"seq": 0, "h": ""}',
    ],
)
def test_a_damaged_head_is_refused(written: Path, head: bytes) -> None:
    (written / HEAD).write_bytes(head)
    assert refusal(written).code == "UPG-0502"


def test_a_lost_head_is_refused_for_nobody_can_tell_what_else_is_missing(written: Path) -> None:
    (written / HEAD).unlink()
    assert "gone" in refusal(written).what[0]


def test_a_field_that_a_later_release_adds_to_an_event_does_not_make_the_record_unreadable(
    tmp_path: Path,
) -> None:
    bare = json.dumps(
        {
            "event": {"at": "2026-01-05T09:00:00Z", "holder": "x", "newer": 1, "type": "lock-left"},
            "h": "",
            "prev": "0" * 64,
            "seq": 1,
            "v": 1,
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    digest = sha256(b"0" * 64 + bare.encode()).hexdigest()
    (tmp_path / NAME).write_text(bare.replace('"h":""', f'"h":"{digest}"') + "\n")
    assert read_events(tmp_path) == [LockLeft(at=AT, holder="x")]


def test_after_one_failed_write_nothing_more_is_taken(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    journal.append(EVENTS[0])
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._file._fd)
    os.close(full)
    for _ in range(2):
        with pytest.raises(OSError, match=r"space|earlier write failed"):
            journal.append(EVENTS[1])
    assert journal.events() == [EVENTS[0]]
    journal.close()
    assert read_events(tmp_path) == [EVENTS[0]]


def test_somebody_may_read_while_a_process_writes(written: Path) -> None:
    journal = FileJournal(written)
    reading = RunFolder(written)
    for number in range(20):
        journal.append(LockLeft(at=AT, holder=str(number)))
        journal.seal()
        assert reading.record().last == AT
    journal.close()


def test_a_journal_that_is_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"symbolic links|Too many levels"):
        FileJournal(tmp_path)


def test_a_longer_copy_of_the_same_journal_is_taken_over_and_another_one_is_not(
    written: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / NAME).write_bytes((written / NAME).read_bytes())
    (other / HEAD).write_bytes((written / HEAD).read_bytes())
    ahead = FileJournal(other)
    ahead.append(LockLeft(at=AT, holder="the other machine"))
    ahead.close()

    mine = FileJournal(written)
    assert mine.extend((other / NAME).read_bytes()) == 1
    assert mine.events() == ahead.events() == read_events(written)

    mine.append(LockLeft(at=AT, holder="mine"))
    with pytest.raises(UpgradeError, match="UPG-0502"):
        mine.extend((other / NAME).read_bytes())
    mine.close()


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(EVENTS), max_size=12), st.integers(0, 11))
def test_a_journal_opened_anew_at_any_point_goes_on_as_if_it_had_never_been_closed(
    tmp_path_factory: pytest.TempPathFactory, events: list[RunEvent], cut: int
) -> None:
    straight, broken = tmp_path_factory.mktemp("straight"), tmp_path_factory.mktemp("broken")
    for folder, pieces in ((straight, [events]), (broken, [events[:cut], events[cut:]])):
        for piece in pieces:
            journal = FileJournal(folder)
            for event in piece:
                journal.append(event)
            journal.close()
    assert (straight / NAME).read_bytes() == (broken / NAME).read_bytes()
