"""What each field of a pattern means, with what just does not fit."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from upgrader.catalog.advisory import Pattern
from upgrader.checks.advisories.matching import labels_test, name_test, needs, places

BODY: dict[str, Any] = {
    "spec": {
        "text": "proxy_http",
        "number": 80,
        "part": 1.5,
        "yes": True,
        "nothing": None,
        "blank": "",
        "none": [],
        "hosts": ["a", "b"],
        "map": {"k": "v"},
        "version": "v1.24.3-gke.100",
        "bundle": "v1.1.0-rc.2",
        "servers": [
            {"tls": {"mode": "SIMPLE", "credentialName": "c"}},
            {"tls": {"mode": "ISTIO_MUTUAL"}},
            {"tls": {"mode": "ISTIO_MUTUAL", "credentialName": "c"}},
        ],
    }
}


def holds(path: str, **test: Any) -> bool:
    return bool(places(Pattern(path=path, **test))(BODY))


@pytest.mark.parametrize(
    ("path", "test", "expected"),
    [
        ("spec.text", {}, True),
        ("spec.never", {}, False),
        ("spec.nothing", {}, False),
        ("spec.blank", {"exists": True}, True),
        ("spec.never", {"exists": False}, True),
        ("spec.nothing", {"exists": False}, True),
        ("spec.text", {"exists": False}, False),
        ("spec.blank", {"empty": True}, True),
        ("spec.none", {"empty": True}, True),
        ("spec.nothing", {"empty": True}, True),
        ("spec.never", {"empty": True}, False),
        ("spec.number", {"empty": True}, False),
        ("spec.text", {"empty": False}, True),
        ("spec.blank", {"empty": False}, False),
        ("spec.never", {"empty": False}, False),
        ("spec.number", {"equals": "80"}, True),
        ("spec.number", {"equals": 80}, True),
        ("spec.number", {"equals": 80.0}, True),
        ("spec.number", {"equals": 8}, False),
        ("spec.part", {"equals": "1.5"}, True),
        ("spec.yes", {"equals": "true"}, True),
        ("spec.yes", {"equals": True}, True),
        ("spec.yes", {"equals": "True"}, False),
        ("spec.yes", {"equals": 1}, False),
        ("spec.hosts", {"equals": ["a", "b"]}, True),
        ("spec.hosts", {"equals": ["b", "a"]}, False),
        ("spec.hosts[*]", {"equals": "b"}, True),
        ("spec.text", {"differs": "x"}, True),
        ("spec.text", {"differs": "proxy_http"}, False),
        ("spec.never", {"differs": "x"}, False),
        ("spec.nothing", {"differs": "x"}, False),
        ("spec.number", {"among": ("443", "80")}, True),
        ("spec.number", {"among": ("443",)}, False),
        ("spec.number", {"outside": ("443",)}, True),
        ("spec.number", {"outside": (80,)}, False),
        ("spec.never", {"outside": ("443",)}, False),
        ("spec.text", {"matches": "^proxy_"}, True),
        ("spec.text", {"matches": "http$"}, True),
        ("spec.text", {"matches": "^http"}, False),
        ("spec.number", {"matches": "^8"}, True),
        ("spec.map", {"contains": '"k":"v"'}, True),
        ("spec.map", {"contains": '"k": "v"'}, False),
        ("spec.text", {"contains": "_http"}, True),
        ("spec.text", {"contains": '"proxy_http"'}, False),
        ("spec.version", {"below": "1.25"}, True),
        ("spec.version", {"below": "1.24"}, False),
        ("spec.version", {"below": "1.24.3"}, False),
        ("spec.version", {"at_least": "1.24.3"}, True),
        ("spec.version", {"at_least": "v1.24.4"}, False),
        ("spec.bundle", {"below": "v1.1.0"}, True),
        ("spec.bundle", {"at_least": "v1.1.0"}, False),
        ("spec.bundle", {"at_least": "v1.0.9"}, True),
        ("spec.text", {"below": "9.9"}, False),
        ("spec.text", {"at_least": "0.1"}, False),
        ("spec.number", {"above": 79}, True),
        ("spec.number", {"above": 80}, False),
        ("spec.yes", {"above": 0}, False),
        ("spec.text", {"above": 0}, False),
        ("spec.hosts", {"longer": 1}, True),
        ("spec.hosts", {"longer": 2}, False),
        ("spec.text", {"longer": 1}, False),
    ],
)
def test_a_test_holds_for_some_values_and_for_others_not(
    path: str, test: dict[str, Any], expected: bool
) -> None:
    assert holds(path, **test) is expected
    words = msgspec.json.encode(BODY)
    told = all(any(w in words for w in ways) for ways in needs(Pattern(path=path, **test)))
    assert told or not expected, "an object without the words must not hold"


def both(*mode: str) -> Pattern:
    wanted = (Pattern(path="tls.mode", equals=mode[0]), Pattern(path="tls.credentialName", empty=False))
    return Pattern(path="spec.servers[*]", where=wanted)


def test_two_fields_are_asked_of_one_member() -> None:
    assert places(both("ISTIO_MUTUAL"))(BODY) == ["spec.servers[2]"]
    assert places(both("PASSTHROUGH"))(BODY) == []


def test_no_member_may_be_left_that_fulfils_the_conditions() -> None:
    mutual = Pattern(path="tls.mode", equals="ISTIO_MUTUAL")
    never = Pattern(path="tls.mode", equals="MUTUAL")
    assert places(Pattern(path="spec.servers[*]", where=(mutual,), exists=False))(BODY) == []
    assert places(Pattern(path="spec.servers[*]", where=(never,), exists=False))(BODY) == [""]


def test_a_condition_on_the_object_itself_tells_the_field() -> None:
    assert places(Pattern(where=(Pattern(path="spec.text", equals="proxy_http"),)))(BODY) == ["spec.text"]


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("", True),
        ("app=istiod", True),
        ("app==istiod", True),
        ("app=istio", False),
        ("app!=istio", True),
        ("tier!=istio", True),
        ("app!=istiod", False),
        ("istio.io/rev", True),
        ("!istio.io/rev", False),
        ("!istio.io/tag", True),
        ("app=istiod,istio.io/rev", True),
        ("app=istiod,istio.io/tag", False),
    ],
)
def test_a_selector_reads_as_that_of_kubectl(selector: str, fits: bool) -> None:
    assert labels_test(selector)({"app": "istiod", "istio.io/rev": "x"}) is fits


@pytest.mark.parametrize(
    ("glob", "name", "fits"),
    [
        ("", "x", True),
        ("istio*", "istiod", True),
        ("istio*", "my-istio", False),
        ("istiod", "istiod-1", False),
    ],
)
def test_a_name_fits_a_glob_as_a_whole(glob: str, name: str, fits: bool) -> None:
    assert name_test(glob)(name) is fits


@pytest.mark.parametrize(
    ("path", "test", "words"),
    [
        ("spec.a['b/c'].d", {}, [{b'"spec"'}, {b'"a"'}, {b'"b/c"'}, {b'"d"'}]),
        (
            "spec.(a|b.c).d",
            {"equals": 8},
            [{b'"spec"'}, {b'"a"', b'"c"'}, {b'"d"'}, {b'"d":"8"', b'"d":8,', b'"d":8}', b'"d":8.0'}],
        ),
        (
            "spec.(a|*).d",
            {"among": ("x", True)},
            [{b'"spec"'}, {b'"d"'}, {b'"d":"x"', b'"d":"true"', b'"d":true'}],
        ),
        ("a[?name=='x' && port!=8]..q", {}, [{b'"a"'}, {b'"name"'}, {b'"name":"x"'}, {b'"port"'}, {b'"q"'}]),
        ("a['b/*']", {"differs": "x"}, [{b'"a"'}]),
        ("a", {"exists": False}, []),
        ("", {"contains": "x"}, []),
    ],
)
def test_a_pattern_cannot_do_without_some_words(
    path: str, test: dict[str, Any], words: list[set[bytes]]
) -> None:
    assert [set(ways) for ways in needs(Pattern(path=path, **test))] == words


def test_conditions_add_their_words_unless_they_ask_for_absence() -> None:
    there, absent = Pattern(path="b", equals="x"), Pattern(path="c", exists=False)
    assert [set(w) for w in needs(Pattern(path="a", where=(there, absent)))] == [
        {b'"a"'},
        {b'"b"'},
        {b'"b":"x"'},
    ]


_SCALARS = some.sampled_from(
    [0, 1, 10, -1, 1.0, 10.0, 1.5, 1e16, 10**16, True, False, None, "", "1", "1.0", "true", "x", 'a"b', "é"]
)
_OBJECTS = some.recursive(
    _SCALARS,
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=12,
)
_PATHS = some.sampled_from(
    ["a", "a.b", "..c", "a['b']", "(a|b).c", "a.(b|c)", "a[*]", "a[*].b", "*", "b[?a=='1'].c", "a[?b==true]"]
)


@given(body=_OBJECTS, path=_PATHS, wanted=_SCALARS, other=_SCALARS)
def test_no_object_in_which_a_pattern_holds_lacks_its_words(
    body: Any, path: str, wanted: Any, other: Any
) -> None:
    text = msgspec.json.encode(body)
    for pattern in (
        Pattern(path=path, equals=wanted),
        Pattern(path=path, among=(wanted, other)),
        Pattern(path="a", where=(Pattern(path="b", equals=wanted),)),
    ):
        if places(pattern)(body):
            assert all(any(piece in text for piece in pieces) for pieces in needs(pattern))
