"""The stand-in answers in the JSON of Prometheus, and is as unwell as it is told to be."""

from __future__ import annotations

import json
import urllib.request
from http.client import IncompleteRead
from json import JSONDecodeError
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.bed.standins.prometheus import Prometheus, Reply
from tests.bed.standins.prometheus_server import serving

SCRIPT = r"""
metrics: [up, istio_requests_total]
answers:
  - query: destination_workload_namespace="(?P<ns>[^"]+)"
    labels: {namespace: "{ns}"}
    healthy: 0.999
    degraded: {from: "2026-11-24T20:00:00Z", value: 0.91, before: 0.999}
  - query: ^scalar
    scalar: true
    healthy: 1
  - query: odd_numbers
    healthy:
      series:
        - {labels: {le: "+Inf"}, value: "+Inf"}
        - {labels: {le: "0"}, value: NaN}
        - {labels: {le: "1"}, value: -.inf}
        - {labels: {le: "2"}, value: 0.00001}
        - {labels: {le: "3"}, value: 12}
  - query: ill_(?P<how>\w+)
    healthy: 1
    broken: {fault: timeout}
"""
EIGHT = 1795550400
"""2026-11-24T20:00:00Z."""
TOO_FINE = "exceeded maximum resolution of 11,000 points per timeseries"
RATE = 'sum(rate(istio_requests_total{destination_workload_namespace="shop"}[5m]))'


def prometheus(mood: str = "healthy") -> Prometheus:
    found = Prometheus(yaml.safe_load(SCRIPT))
    found.mood = mood
    return found


def data(reply: Reply) -> Any:
    assert (reply.status, reply.content) == (200, "application/json")
    body = json.loads(reply.body)
    assert body["status"] == "success"
    return body["data"]


def ask(at: Prometheus, query: str, **given: object) -> Any:
    """The data of an instant query, or of a range query when it has a step."""
    path = "/api/v1/query_range" if "step" in given else "/api/v1/query"
    return data(at.reply(path, {"query": query, **{k: str(v) for k, v in given.items()}}))


def test_an_instant_query_gives_a_vector_whose_labels_come_from_the_query() -> None:
    assert ask(prometheus(), RATE, time=EIGHT) == {
        "resultType": "vector",
        "result": [{"metric": {"namespace": "shop"}, "value": [EIGHT, "0.999"]}],
    }


def test_a_range_query_gives_a_matrix_with_both_ends() -> None:
    found = ask(prometheus("degraded"), RATE, start=EIGHT - 60, end=EIGHT, step="30s")
    assert found == {
        "resultType": "matrix",
        "result": [
            {
                "metric": {"namespace": "shop"},
                "values": [[EIGHT - 60, "0.999"], [EIGHT - 30, "0.999"], [EIGHT, "0.91"]],
            }
        ],
    }


def test_the_time_asked_for_decides_and_not_the_time_of_asking() -> None:
    ill = prometheus("degraded")
    found = [ask(ill, RATE, time=at)["result"][0]["value"] for at in (EIGHT - 0.5, "2026-11-24T20:00:00Z")]
    assert found == [[EIGHT - 0.5, "0.999"], [EIGHT, "0.91"]]


def test_a_scalar_has_no_labels_and_is_nan_where_nothing_is_known() -> None:
    assert ask(prometheus(), "scalar(x)", time=1) == {"resultType": "scalar", "result": [1, "1"]}
    assert ask(prometheus("silent"), "scalar(x)", time=1) == {"resultType": "scalar", "result": [1, "NaN"]}


def test_numbers_that_json_lacks_are_strings_as_prometheus_writes_them() -> None:
    found = ask(prometheus(), "odd_numbers", time=1)["result"]
    assert {each["metric"]["le"]: each["value"][1] for each in found} == {
        "+Inf": "+Inf", "0": "NaN", "1": "-Inf", "2": "0.00001", "3": "12",
    }  # fmt: skip


@pytest.mark.parametrize("query", [RATE, "a_metric_that_nobody_has"])
def test_silence_is_an_empty_result_and_a_success(query: str) -> None:
    assert ask(prometheus("silent"), query) == {"resultType": "vector", "result": []}
    assert ask(prometheus("silent"), query, start=0, end=1, step=1) == {"resultType": "matrix", "result": []}


def test_a_metric_that_nobody_has_is_no_error_of_a_healthy_server() -> None:
    assert ask(prometheus(), "a_metric_that_nobody_has")["result"] == []


def test_a_broken_server_says_so_in_words_of_prometheus() -> None:
    reply = prometheus("broken").reply("/api/v1/query", {"query": RATE})
    assert (reply.status, json.loads(reply.body)) == (
        503,
        {"status": "error", "errorType": "unavailable", "error": "TSDB not ready"},
    )
    assert prometheus("broken").reply("/-/ready", {}).status == 503
    assert prometheus().reply("/-/ready", {}) == Reply(
        200, b"Prometheus Server is Ready.\n", "text/plain; charset=utf-8"
    )


@pytest.mark.parametrize(
    ("path", "given", "words"),
    [
        ("query", {}, 'invalid parameter "query": unknown position: parse error: no expression found in input'),
        ("query", {"query": "up", "time": "noon"}, 'invalid parameter "time": cannot parse "noon" to a valid timestamp'),
        ("query_range", {"query": "up"}, 'invalid parameter "start": cannot parse "" to a valid timestamp'),
        (
            "query_range",
            {"query": "up", "start": "2", "end": "1", "step": "1"},
            'invalid parameter "end": end timestamp must not be before start time',
        ),
        (
            "query_range",
            {"query": "up", "start": "0", "end": "1", "step": "soon"},
            'invalid parameter "step": cannot parse "soon" to a valid duration',
        ),
        (
            "query_range",
            {"query": "up", "start": "0", "end": "11001", "step": "1s"},
            f"{TOO_FINE}. Try decreasing the query resolution (?step=XX)",
        ),
    ],
)  # fmt: skip
def test_a_bad_request_is_told_what_is_wrong_with_it(path: str, given: dict[str, str], words: str) -> None:
    reply = prometheus().reply(f"/api/v1/{path}", given)
    assert (reply.status, json.loads(reply.body)) == (
        400, {"status": "error", "errorType": "bad_data", "error": words},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [("503", 503, "unavailable"), ("error", 503, "timeout"), ("422", 422, "execution")],
)
def test_a_query_can_fail_alone(fault: str, status: int, kind: str) -> None:
    ill = Prometheus({"answers": [{"query": "up", "healthy": {"fault": fault}}]})
    reply = ill.reply("/api/v1/query", {"query": "up"})
    assert (reply.status, json.loads(reply.body)["errorType"]) == (status, kind)


def test_names_and_version_are_told() -> None:
    assert data(prometheus().reply("/api/v1/label/__name__/values", {})) == ["istio_requests_total", "up"]
    assert data(prometheus().reply("/api/v1/status/buildinfo", {}))["version"] == "3.5.0"


def test_a_mood_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("mood: sulking\n")
    with pytest.raises(ValueError, match="no such mood: sulking; there are healthy, degraded"):
        Prometheus.load(script)


def fetch(url: str, method: str = "GET", **form: str) -> bytes:
    body = urlencode(form).encode() if form else None
    with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=5) as answer:
        return bytes(answer.read())


def test_it_answers_over_http_to_a_form_and_changes_its_mood_when_told() -> None:
    with serving(prometheus()) as url:
        before = fetch(f"{url}/api/v1/query", "POST", query=RATE, time=str(EIGHT))
        fetch(f"{url}/-/mood?is=degraded", "PUT")
        after = fetch(f"{url}/api/v1/query?{urlencode({'query': RATE, 'time': EIGHT})}")
        asked = json.loads(fetch(f"{url}/-/asked"))["data"]
    assert [json.loads(each)["data"]["result"][0]["value"][1] for each in (before, after)] == [
        "0.999",
        "0.91",
    ]
    assert asked == [RATE, RATE]


@pytest.mark.parametrize(
    ("fault", "seen"),
    [("html", JSONDecodeError), ("empty", JSONDecodeError), ("truncated", IncompleteRead)],
)
def test_a_proxy_in_between_can_spoil_an_answer(fault: str, seen: type[Exception]) -> None:
    ill = Prometheus({"answers": [{"query": "up", "healthy": {"fault": fault}}]})
    with serving(ill) as url, pytest.raises(seen):
        json.loads(fetch(f"{url}/api/v1/query?query=up"))


def test_an_answer_that_never_comes_ends_with_the_server() -> None:
    with serving(prometheus("broken")) as url, pytest.raises(TimeoutError):
        urllib.request.urlopen(f"{url}/api/v1/query?query=ill_now", timeout=0.05)
