from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgrader.catalog.paths import Path, PathError

SERVICE: dict[str, Any] = {
    "metadata": {"labels": {"istio.io/rev": "x", "app": "y"}, "annotations": {"proxy.istio.io/config": "{}"}},
    "spec": {
        "ports": [{"port": 80, "name": "a"}, {"port": 443, "name": "b]", "tls": {"mode": "T"}}],
        "tls": {"mode": "S"},
        "nothing": None,
    },
}


def places(path: str) -> list[str]:
    return [where for where, _ in Path(path).find(SERVICE)]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("spec.tls.mode", ["spec.tls.mode"]),
        ("spec.ports[*].port", ["spec.ports[0].port", "spec.ports[1].port"]),
        ("spec.ports[-1].name", ["spec.ports[1].name"]),
        ("spec.ports[2].name", []),
        ("spec.ports.port", []),
        ("spec.tls.mode.more", []),
        ("metadata.labels['istio.io/rev']", ["metadata.labels['istio.io/rev']"]),
        ("metadata.(labels|annotations)['*istio.io/*']", [
            "metadata.labels['istio.io/rev']", "metadata.annotations['proxy.istio.io/config']",
        ]),
        ("metadata.labels.*", ["metadata.labels['istio.io/rev']", "metadata.labels.app"]),
        ("spec..mode", ["spec.ports[1].tls.mode", "spec.tls.mode"]),
        ("spec..tls.mode", ["spec.tls.mode", "spec.ports[1].tls.mode"]),
        ("..['istio.io/rev']", ["metadata.labels['istio.io/rev']"]),
        ("spec.ports[?name=='a'].port", ["spec.ports[0].port"]),
        ('spec.ports[?(@.name=="b]" && port!=80)].port', ["spec.ports[1].port"]),
        ("spec.ports[?port==443]", ["spec.ports[1]"]),
        ("spec.ports[?name=~'^[ab]$'].port", ["spec.ports[0].port"]),
        ("spec.ports[?tls.mode].port", ["spec.ports[1].port"]),
        ("spec.(tls|ports[*].tls).mode", ["spec.tls.mode", "spec.ports[1].tls.mode"]),
        ("spec.{tls,nothing}", ["spec.tls", "spec.nothing"]),
        ("spec.nothing", ["spec.nothing"]),
        ("spec.never", []),
        ("", [""]),
    ],
)  # fmt: skip
def test_a_path_leads_to_every_place_that_it_names(path: str, found: list[str]) -> None:
    assert places(path) == found


@pytest.mark.parametrize(
    "text",
    [
        ".a",
        "a.",
        "a..",
        "a...b",
        "a[",
        "a[]",
        "a[x]",
        "a b",
        "a(b)",
        "(a|)",
        "{a,",
        "a[?]",
        "[?a=~'(']",
        "$.a",
        "a|b",
    ],
)
def test_what_is_no_path_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(PathError, match=r".+"):
        Path(text)


def test_a_place_is_a_path_to_itself() -> None:
    for where, value in Path("..*").find(SERVICE):
        assert Path(where).find(SERVICE) == [(where, value)]


KEYS = st.text(
    st.characters(codec="ascii", exclude_characters="'*]$", categories=("L", "N", "P")), min_size=1
)
OBJECTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(OBJECTS)
def test_every_place_of_any_object_can_be_found_again(value: Any) -> None:
    for where, found in Path("..*").find(value):
        assert Path(where).find(value) == [(where, found)]
