"""Patterns of the catalog as functions: where in an object one holds. What each field means is told at ``Pattern``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import translate
from typing import Any

from upgrader.catalog.advisory import UNSET, Pattern
from upgrader.catalog.paths import compiled, json_pieces
from upgrader.catalog.walks import text_of
from upgrader.model.codec import encode

Places = Callable[[Any], list[str]]
"""Where in a value a pattern holds; a place without a name is ``""``, and none is an empty list."""
Test = Callable[[Any], bool]

_VERSION = re.compile(r"^\s*v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-.]?(alpha|beta|rc|pre|dev)[\w.-]*)?")
_TERM = re.compile(r"^(!?)([\w./-]+)\s*(?:(==|=|!=)\s*([\w.-]*))?$")


def places(pattern: Pattern) -> Places:
    """Where *pattern* holds in an object; looks at path, where and test, not at which object it is."""
    find, test = compiled(pattern.path).find, _test(pattern)
    inner = [places(one) for one in pattern.where]
    absent, nulls = pattern.exists is False, pattern.empty is not UNSET

    def look(value: Any) -> list[str]:
        held = []
        for where, found in find(value):
            if (found is None and not nulls) or not test(found):
                continue
            deeper: list[str] = []
            for one in inner:
                if not (there := one(found)):
                    break
                deeper.append(there[0])
            else:
                held.append(where or next((d for d in deeper if d), ""))
        if absent:
            return (
                [] if held else [pattern.path if "*" not in pattern.path and "?" not in pattern.path else ""]
            )
        return held

    return look


def needs(pattern: Pattern) -> Iterator[frozenset[bytes]]:
    """Pieces of JSON: of each set an object has at least one, or *pattern* does not hold for it.

    What asks for absence needs none.
    """
    if pattern.exists is False:
        return
    path = compiled(pattern.path)
    yield from path.needs
    wanted = () if pattern.equals is UNSET else (pattern.equals,)
    wanted = pattern.among if isinstance(pattern.among, tuple) else wanted
    if wanted and not any(isinstance(one, dict | list) for one in wanted):
        ways = [json_pieces(path.keys, text_of(one)) for one in wanted]
        if all(ways):
            yield frozenset[bytes]().union(*ways)
    for inner in pattern.where:
        yield from needs(inner)


def labels_test(selector: str) -> Callable[[Mapping[str, str]], bool]:
    """Whether labels fit *selector*: ``app=istiod,tier!=x,istio.io/tag,!istio.io/rev``."""
    terms = [found for part in selector.split(",") if part.strip() and (found := _TERM.match(part.strip()))]

    def fits(labels: Mapping[str, str]) -> bool:
        for term in terms:
            missing, key, operator, wanted = term.groups()
            if operator is None:
                held = (key in labels) is not bool(missing)
            elif operator == "!=":
                held = labels.get(key) != wanted
            else:
                held = labels.get(key) == wanted
            if not held:
                return False
        return True

    return fits


def name_test(glob: str) -> Callable[[str], bool]:
    """Whether a name fits *glob*; every name fits an empty one."""
    if not glob:
        return lambda _: True
    matches = re.compile(translate(glob)).match
    return lambda name: matches(name) is not None


def version_key(text: object) -> tuple[int, int, int, bool] | None:
    """For comparing; ``-rc.1`` comes before its release, what a vendor adds (``-gke.5``, ``+k3s1``) changes nothing."""
    found = _VERSION.match(str(text))
    return (int(found[1]), int(found[2]), int(found[3] or 0), not found[4]) if found else None


def json_text(value: Any) -> str:
    """What ``contains`` and ``matches`` look into."""
    return encode(value).decode() if isinstance(value, dict | list) else text_of(value)


def same(value: Any, wanted: Any) -> bool:
    """Whether two values are equal; scalars by their text."""
    if isinstance(value, dict | list) or isinstance(wanted, dict | list):
        return bool(value == wanted)
    return text_of(value) == text_of(wanted)


def _test(p: Pattern) -> Test:
    for maker in (_comparison, _membership, _text, _version, _amount):
        if (made := maker(p)) is not None:
            return made
    return lambda _: True


def _comparison(p: Pattern) -> Test | None:
    if p.empty is not UNSET:
        wanted = p.empty
        return lambda value: (value is None or value in ("", [], {})) is wanted
    if p.equals is not UNSET:
        return _equal(p.equals)
    if p.differs is not UNSET:
        return lambda value: not same(value, p.differs)
    return None


def _equal(wanted: Any) -> Test:
    if isinstance(wanted, dict | list):
        return lambda value: bool(value == wanted)
    text = text_of(wanted)
    return lambda value: text_of(value) == text and not isinstance(value, dict | list)


def _membership(p: Pattern) -> Test | None:
    if isinstance(p.among, tuple):
        return _one_of(p.among)
    if isinstance(p.outside, tuple):
        inside = _one_of(p.outside)
        return lambda value: not inside(value)
    return None


def _one_of(among: tuple[Any, ...]) -> Test:
    if any(isinstance(one, dict | list) for one in among):
        return lambda value: any(same(value, one) for one in among)
    texts = frozenset(map(text_of, among))
    return lambda value: not isinstance(value, dict | list) and text_of(value) in texts


def _text(p: Pattern) -> Test | None:
    if isinstance(p.matches, str):
        search = re.compile(p.matches).search
        return lambda value: search(json_text(value)) is not None
    if isinstance(p.contains, str):
        needle = p.contains
        return lambda value: needle in json_text(value)
    return None


def _version(p: Pattern) -> Test | None:
    if isinstance(p.below, str):
        upper = version_key(p.below)
        return lambda value: (key := version_key(value)) is not None and upper is not None and key < upper
    if isinstance(p.at_least, str):
        lower = version_key(p.at_least)
        return lambda value: (key := version_key(value)) is not None and lower is not None and key >= lower
    return None


def _amount(p: Pattern) -> Test | None:
    if isinstance(p.above, float | int):
        limit = p.above
        return lambda value: (number := _number(value)) is not None and number > limit
    if isinstance(p.longer, int):
        length = p.longer
        return lambda value: isinstance(value, list | dict) and len(value) > length
    return None


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool | list | dict) else float(value)
    except ValueError:
        return None
