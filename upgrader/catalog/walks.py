"""The steps of a path as functions: each takes what comes after it, and makes of both one walk into an object."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from typing import Any

Found = list[tuple[str, Any]]
Walk = Callable[[Any, str, Found], None]
"""Takes a value, where it is, and the list that everything at the end of the path goes into."""
Step = Callable[[Walk], Walk]

_PLAIN = re.compile(r"^[A-Za-z_@$][\w@$-]*$")
_NOTHING = object()


def chain(steps: list[Step], end: Walk) -> Walk:
    """All *steps* in their order, then *end*."""
    for step in reversed(steps):
        end = step(end)
    return end


def text_of(value: Any) -> str:
    """A scalar as people write it: ``true``, ``80``, ``1.5``, the text itself."""
    if type(value) is str:
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _joined(where: str, key: str) -> str:
    return f"{where}.{key}" if _PLAIN.match(key) else f"{where}['{key}']"


def key(name: str) -> Step:
    """The member of that key."""
    place = _joined("", name)

    def step(then: Walk) -> Walk:
        def walk(value: Any, where: str, found: Found) -> None:
            if type(value) is dict:
                inner = value.get(name, _NOTHING)
                if inner is not _NOTHING:
                    then(inner, where + place, found)

        return walk

    return step


def glob(pattern: str) -> Step:
    """Members whose key fits *pattern*."""
    matches = re.compile(translate(pattern)).match

    def step(then: Walk) -> Walk:
        def walk(value: Any, where: str, found: Found) -> None:
            if type(value) is dict:
                for key, inner in value.items():
                    if matches(key):
                        then(inner, _joined(where, key), found)

        return walk

    return step


def every(then: Walk) -> Walk:
    """Every member of a list or mapping."""

    def walk(value: Any, where: str, found: Found) -> None:
        if type(value) is list:
            for number, inner in enumerate(value):
                then(inner, f"{where}[{number}]", found)
        elif type(value) is dict:
            for key, inner in value.items():
                then(inner, _joined(where, key), found)

    return walk


def index(number: int) -> Step:
    """One member of a list; negative numbers count from its end."""

    def step(then: Walk) -> Walk:
        def walk(value: Any, where: str, found: Found) -> None:
            if type(value) is list and -len(value) <= number < len(value):
                then(value[number], f"{where}[{number % len(value)}]", found)

        return walk

    return step


def anywhere(step: Step) -> Step:
    """*step* from here, and from all that is below."""

    def deep(then: Walk) -> Walk:
        here = step(then)

        def walk(value: Any, where: str, found: Found) -> None:
            here(value, where, found)
            if type(value) is dict:
                for key, inner in value.items():
                    if type(inner) is dict or type(inner) is list:
                        walk(inner, _joined(where, key), found)
            elif type(value) is list:
                for number, inner in enumerate(value):
                    if type(inner) is dict or type(inner) is list:
                        walk(inner, f"{where}[{number}]", found)

        return walk

    return deep


def either(ways: list[list[Step]]) -> Step:
    """One way or another."""

    def step(then: Walk) -> Walk:
        walks = [chain(way, then) for way in ways]

        def walk(value: Any, where: str, found: Found) -> None:
            for one in walks:
                one(value, where, found)

        return walk

    return step
