"""A Prometheus that says what a script says, in the JSON of the real one.

    mood: healthy            # healthy | degraded | silent | broken: picks the answers below; may be changed while it runs
    answers:
      - query: istio_requests_total.*destination_workload_namespace="(?P<ns>[^"]+)"     # searched in the query
        labels: {destination_workload_namespace: "{ns}"}                                # of the series, groups filled in
        healthy: 0.999                                                                  # a number, "NaN", "+Inf"
        degraded: {from: "2026-11-24T20:00:00Z", value: 0.91, before: 0.999}            # by the time asked for
        silent: []                                                                      # no series: an empty result
      - query: ^scalar
        scalar: true
        healthy: 1
      - query: flaky
        healthy: {fault: "503"}    # or: timeout, html, truncated, empty, error, 422

The first answer whose ``query`` is found in the text counts. A mood that an answer does not name: ``silent`` is an
empty result, ``broken`` is status 503, others are ``healthy``. A query that no answer matches gives an empty result, as
Prometheus gives for a metric that it does not have. ``series`` in place of a value gives several: ``[{labels, value}]``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

__all__ = ["MOODS", "Prometheus", "Reply", "failure", "success"]

MOODS = ("healthy", "degraded", "silent", "broken")
FAULTS = ("503", "timeout", "html", "truncated", "empty", "error", "422")
MOST_POINTS = 11_000
"""Prometheus's own limit on the points of one series."""
Obj = dict[str, Any]
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800, "y": 31_536_000}
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")


class Refused(Exception):
    """What Prometheus answers 400 to, in its words."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire. A *stall* is never answered."""

    status: int
    body: bytes
    content: str = "application/json"
    stall: bool = False
    cut: bool = False


@dataclass(slots=True)
class Prometheus:
    """Answers requests; no socket.

    Attributes:
        script: As the docstring of this module has it.
        now: The time where a request gives none, seconds since 1970.
        asked: Queries so far, in order.
    """

    script: Obj
    now: float = 0.0
    asked: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Prometheus:
        """A script from a YAML file.

        Raises:
            ValueError: It has an unknown mood.
        """
        found = cls(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        found.mood = found.mood  # refuse a wrong one now
        return found

    @property
    def mood(self) -> str:
        return str(self.script.get("mood", "healthy"))

    @mood.setter
    def mood(self, mood: str) -> None:
        if mood not in MOODS:
            raise ValueError(f"no such mood: {mood}; there are {', '.join(MOODS)}")
        self.script["mood"] = mood

    def reply(self, path: str, given: Mapping[str, str]) -> Reply:
        """One request."""
        try:
            match path:
                case "/-/ready":
                    return _ready(broken=self.mood == "broken")
                case "/-/healthy":
                    return Reply(200, b"Prometheus Server is Healthy.\n", "text/plain; charset=utf-8")
                case "/api/v1/query":
                    return self._query(given, instant=True)
                case "/api/v1/query_range":
                    return self._query(given, instant=False)
                case "/api/v1/label/__name__/values":
                    return success(sorted(self.script.get("metrics", ())))
                case "/api/v1/status/buildinfo":
                    return success(_BUILD | {"version": self.script.get("version", "3.5.0")})
                case _:
                    return Reply(404, b"404 page not found\n", "text/plain; charset=utf-8")
        except Refused as error:
            return failure(400, "bad_data", str(error))

    def _query(self, given: Mapping[str, str], *, instant: bool) -> Reply:
        query = given.get("query", "")
        self.asked.append(query)
        at = [_time(given, "time", self.now)] if instant else _steps(given)
        if not query.strip():
            raise Refused(
                'invalid parameter "query": unknown position: parse error: no expression found in input'
            )
        answer, match = self._answer(query)
        said = _of_mood(answer, self.mood)
        if isinstance(said, Mapping) and "fault" in said:
            return _fault(str(said["fault"]))
        if answer.get("scalar"):
            return success(_scalar(said, at, instant=instant))
        return success(_vector(_series(answer, said, match), at, instant=instant))

    def _answer(self, query: str) -> tuple[Obj, Mapping[str, str]]:
        for answer in self.script.get("answers", ()):
            if match := re.search(answer["query"], query):
                return answer, match.groupdict(default="")
        return {}, {}


def _of_mood(answer: Obj, mood: str) -> Any:
    if mood in answer:
        return answer[mood]
    match mood:
        case "silent":
            return []
        case "broken":
            return {"fault": "503"}
        case _:
            return answer.get("healthy", [])


def _series(answer: Obj, said: Any, match: Mapping[str, str]) -> list[tuple[Obj, Any]]:
    """Labels and value of each series."""
    if said == [] or said is None:
        return []
    many = said["series"] if isinstance(said, Mapping) and "series" in said else [{"value": said}]
    shared = answer.get("labels", {})
    return [
        (
            {k: str(v).format_map(match) for k, v in {**shared, **each.get("labels", {})}.items()},
            each["value"],
        )
        for each in many
    ]


def _vector(series: list[tuple[Obj, Any]], at: list[float], *, instant: bool) -> Obj:
    if instant:
        return {
            "resultType": "vector",
            "result": [
                {"metric": labels, "value": [_seconds(at[0]), _value(v, at[0])]} for labels, v in series
            ],
        }
    matrix = [{"metric": labels, "values": [[_seconds(t), _value(v, t)] for t in at]} for labels, v in series]
    return {"resultType": "matrix", "result": matrix}


def _scalar(said: Any, at: list[float], *, instant: bool) -> Obj:
    """A scalar is a number at every time: nothing to say is NaN; over a range it is one series without labels."""
    value = "NaN" if said == [] else said
    if instant:
        return {"resultType": "scalar", "result": [_seconds(at[0]), _value(value, at[0])]}
    return _vector([({}, value)], at, instant=False)


def _value(said: Any, at: float) -> str:
    """A sample as Prometheus writes it: a string, NaN and infinities among them."""
    if isinstance(said, Mapping):
        said = said["value"] if at >= _instant(str(said["from"])) else said["before"]
    number = float(said)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return str(int(number)) if number.is_integer() else format(Decimal(repr(number)), "f")


def _seconds(at: float) -> float | int:
    """Milliseconds at most, and no fraction where there is none."""
    rounded = round(at, 3)
    return int(rounded) if rounded.is_integer() else rounded


def _time(given: Mapping[str, str], name: str, default: float | None = None) -> float:
    text = given.get(name, "")
    if not text and default is not None:
        return default
    try:
        return float(text) if re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", text) else _instant(text)
    except ValueError:
        problem = f'cannot parse "{text}" to a valid timestamp'
        raise Refused(f'invalid parameter "{name}": {problem}') from None


def _instant(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _steps(given: Mapping[str, str]) -> list[float]:
    start, end = _time(given, "start"), _time(given, "end")
    if end < start:
        raise Refused('invalid parameter "end": end timestamp must not be before start time')
    step = _step(given.get("step", ""))
    count = int((end - start) / step)
    if count > MOST_POINTS:
        raise Refused(
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    return [start + step * i for i in range(count + 1)]


def _step(text: str) -> float:
    if re.fullmatch(r"[\d.]+", text):
        seconds = float(text)
    elif re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
        seconds = sum(int(count) * _UNITS[unit] for count, unit in _DURATION.findall(text))
    else:
        raise Refused(f'invalid parameter "step": cannot parse "{text}" to a valid duration')
    if seconds <= 0:
        raise Refused(
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
            "Try a positive integer"
        )
    return seconds


_BUILD = {
    "version": "",
    "revision": "stand-in",
    "branch": "HEAD",
    "buildUser": "stand-in",
    "buildDate": "19700101-00:00:00",
    "goVersion": "go1.24.4",
}


def success(data: Any) -> Reply:
    """As every answer of the API with data."""
    return Reply(200, json.dumps({"status": "success", "data": data}, separators=(",", ":")).encode())


def failure(status: int, kind: str, words: str) -> Reply:
    """As every error of the API."""
    body = {"status": "error", "errorType": kind, "error": words}
    return Reply(status, json.dumps(body, separators=(",", ":")).encode())


def _ready(*, broken: bool) -> Reply:
    if broken:
        return Reply(503, b"Service Unavailable\n", "text/plain; charset=utf-8")
    return Reply(200, b"Prometheus Server is Ready.\n", "text/plain; charset=utf-8")


def _fault(fault: str) -> Reply:
    match fault:
        case "503":
            return failure(503, "unavailable", "TSDB not ready")
        case "timeout":
            return Reply(0, b"", stall=True)
        case "html":
            return Reply(200, b"<html><body>Sign in</body></html>\n", "text/html; charset=utf-8")
        case "truncated":
            return Reply(200, b'{"status":"success","data":{"resultType":"vector","resu', cut=True)
        case "empty":
            return Reply(200, b"")
        case "error":
            return failure(503, "timeout", "query timed out in expression evaluation")
        case "422":
            return failure(
                422, "execution", "query processing would load too many samples into memory in query"
            )
        case other:
            raise ValueError(f"no such fault: {other}; there are {', '.join(FAULTS)}")
