"""Asking again, counting, recording, rehearsing, reading files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from upgrader.cluster.port import Answer, Dialled
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Counting, FilesReader, ReadOnly, Recording, Rehearsal, Retrying, Sent
from upgrader.model.failures import Unreachable


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def boottime(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Weather:
    """A transport with good and bad days, one after the other; the last day stays."""

    def __init__(self, *days: int | Exception, headers: Mapping[str, str] | None = None) -> None:
        self.days = list(days)
        self.sent: list[str] = []
        self.headers = dict(headers or {})

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        self.sent.append(method)
        day = self.days.pop(0) if len(self.days) > 1 else self.days[0]
        if isinstance(day, Exception):
            raise day
        return day, self.headers, b"{}"

    def dial(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        return *self.send("dial", path, query, None, "", protocol), None


def lost(*, sent: bool) -> Unreachable:
    trouble = Unreachable("no answer")
    trouble.ambiguous = sent
    return trouble


def ask(
    transport: Retrying | Recording | Counting, method: str = "GET", path: str = "/x", **query: str
) -> int:
    return transport.send(method, path, query, None, "", "")[0]


@pytest.mark.parametrize("day", [429, 500, 502, 503, 504, lost(sent=True), lost(sent=False)])
def test_a_read_is_asked_again_until_the_weather_changes(day: int | Exception) -> None:
    clock, inner = Clock(), Weather(day, day, 200)
    assert ask(Retrying(inner, clock)) == 200
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 410, 422])
def test_an_answer_that_will_not_change_is_not_asked_for_again(status: int) -> None:
    inner = Weather(status)
    assert ask(Retrying(inner, Clock())) == status
    assert inner.sent == ["GET"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("day", [500, 502, 503, 504, lost(sent=True)])
def test_a_write_whose_outcome_is_unknown_is_never_sent_twice(method: str, day: int | Exception) -> None:
    inner = Weather(day, 200)
    if isinstance(day, Exception):
        with pytest.raises(Unreachable) as trouble:
            ask(Retrying(inner, Clock()), method)
        assert trouble.value.ambiguous
    else:
        assert ask(Retrying(inner, Clock()), method) == day
    assert inner.sent == [method]


@pytest.mark.parametrize("day", [429, lost(sent=False)])
def test_a_write_that_surely_was_not_looked_at_is_sent_again(day: int | Exception) -> None:
    inner = Weather(day, 201)
    assert ask(Retrying(inner, Clock()), "POST") == 201
    assert inner.sent == ["POST", "POST"]


def test_a_dry_run_is_as_harmless_as_a_read() -> None:
    inner = Weather(503, 200)
    assert ask(Retrying(inner, Clock()), "POST", dryRun="All") == 200


@pytest.mark.parametrize("day", [500, 503, lost(sent=True)])
def test_a_question_about_rights_is_as_harmless_as_a_read(day: int | Exception) -> None:
    inner = Weather(day, 201)
    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert ask(Retrying(inner, Clock()), "POST", reviews) == 201
    assert inner.sent == ["POST", "POST"]


def test_an_error_of_a_pod_or_of_a_webhook_is_an_answer() -> None:
    pod, webhook = Weather(500, 200), Weather(500, 200)
    assert ask(Retrying(pod, Clock()), path="/api/v1/namespaces/a/pods/b:15014/proxy/debug/syncz") == 500
    assert ask(Retrying(webhook, Clock()), "POST", dryRun="All") == 500


def test_a_dead_server_is_given_up_after_a_known_time_and_number() -> None:
    clock, inner = Clock(), Weather(lost(sent=False))
    with pytest.raises(Unreachable):
        ask(Retrying(inner, clock, patience=20.0, attempts=6))
    assert len(inner.sent) <= 6
    assert sum(clock.slept) <= 20.0
    inner = Weather(503)
    assert ask(Retrying(inner, clock, patience=1000.0, attempts=4)) == 503
    assert len(inner.sent) == 4


def test_the_server_says_how_long_to_wait_up_to_a_limit() -> None:
    clock = Clock()
    ask(Retrying(Weather(429, 200, headers={"retry-after": "3"}), clock))
    ask(Retrying(Weather(429, 200, headers={"retry-after": "9999"}), clock, patience=100.0))
    assert clock.slept == [3.0, 30.0]


def test_what_is_sent_is_counted_and_told_with_its_outcome() -> None:
    told: list[Sent] = []
    clock, inner = Clock(), Weather(503, lost(sent=True), 200)
    counting = Counting(Recording(inner, clock, told.append))
    assert ask(Retrying(counting, clock), limit="5") == 200
    assert ask(counting, "PATCH", dryRun="All") == 200
    assert counting.sent == {"GET": 3, "PATCH dryRun": 1}
    assert [(s.method, s.path, s.status, s.trouble) for s in told] == [
        ("GET", "/x?limit=5", 503, ""),
        ("GET", "/x?limit=5", 0, "no answer"),
        ("GET", "/x?limit=5", 200, ""),
        ("PATCH", "/x?dryRun=All", 200, ""),
    ]


def test_what_only_reads_has_no_way_to_write() -> None:
    reader = ReadOnly(RestCluster(Weather(200)))
    assert not hasattr(reader, "perform")
    assert hasattr(Rehearsal(reader), "perform")


def test_files_are_found_below_the_run_and_nowhere_else(tmp_path: Path) -> None:
    run, manifests = tmp_path / "run", tmp_path / "manifests"
    (run / "backup").mkdir(parents=True)
    manifests.mkdir()
    (run / "backup" / "a.yaml").write_text("a")
    (manifests / "istiod.yaml").write_text("m")
    (tmp_path / "secret").write_text("s")
    (run / "link").symlink_to(tmp_path / "secret")
    reader = FilesReader(RestCluster(Weather(200)), run, {"manifests": manifests})
    assert reader.saved("backup/a.yaml") == b"a"
    assert reader.saved("manifests/istiod.yaml") == b"m"
    assert reader.saved("backup/none") is None
    for out in ("../secret", "manifests/../secret", "link", "/etc/passwd"):
        with pytest.raises(ValueError, match="leads out"):
            reader.saved(out)


def test_without_a_run_there_are_no_files(tmp_path: Path) -> None:
    assert FilesReader(RestCluster(Weather(200)), None).saved("backup/a.yaml") is None
