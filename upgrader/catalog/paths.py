"""Paths into a raw object, written nearly as kubectl's JSONPath, compiled once and walked fast.

Own code, because every object of a large mesh is asked hundreds of times, and nearly always the answer is "not there".
Measured on a Service with two ports, CPython 3.11, microseconds a question (with place and value of what is found):

=====================  ===========  =================  ========
path                   this module  jsonpath-rfc9535   python-jsonpath
=====================  ===========  =================  ========
``spec.tls.mode``      0.3          14                 17
``spec.ports[*].port``  1.4          33                 43
``spec..port``         3            16                 64
=====================  ===========  =================  ========

``jmespath`` (6 and more) does not tell the place, and a finding without the field is of no use to anybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from upgrader.catalog.walks import (
    Found,
    Step,
    Walk,
    anywhere,
    chain,
    either,
    every,
    glob,
    index,
    key,
    text_of,
)

_NAME = re.compile(r"[^.\[\](){}|,*?'\"\s]+")
_QUOTED = re.compile(r"\[(['\"])(.+?)\1\]")
_INDEX = re.compile(r"\[(-?\d+)\]")
_CONDITION = re.compile(
    r"^(?:@\.?)?(?P<path>.*?)\s*(?:(?P<op>==|!=|=~)\s*(?P<value>'[^']*'|\"[^\"]*\"|-?[\d.]+|true|false))?$"
)
_ENDS_WITH_KEY = re.compile(r"(?:^|\.)[^.\[\](){}|,*?'\"\s$]+$|\[(['\"])[^*'\"]+\1\]$")
_WHOLE, _FRACTION = re.compile(r"^-?\d{1,15}$"), re.compile(r"^-?\d*\.\d+$")
_MANY_WAYS = re.compile(r"^-?(\d{16,}|\d+(\.\d+)?[eE][+-]?\d+)$")
_CLOSES = {"(": ")", "{": "}", "[": "]"}


Needs = list[frozenset[bytes]]
"""Pieces of JSON; of each set an object has at least one, or the path leads nowhere in it."""


class PathError(ValueError):
    """The text is no path; the message says where and why."""


class Path:
    """A compiled path. ``find`` answers every place that it leads to, in the order of the object.

    ``a.b`` key; ``['a.b/c']`` any key, with ``*`` in it a pattern; ``[*]`` or ``.*`` every member; ``[0]``, ``[-1]``
    one; ``..a`` this key at any depth; ``[?name=="x" && port!=80]`` the members for which it holds (``=~`` searches
    a regular expression, a path alone asks whether it is there); ``(a|b[*].c)`` or ``{a,b}`` one path or another.

    A key of a list leads nowhere: say ``[*]``. A null is there, with value None.
    """

    __slots__ = ("_walk", "keys", "needs", "text")

    def __init__(self, text: str) -> None:
        """Compile.

        Raises:
            PathError: *text* is no path.
        """
        self.text = text
        needs: Needs = []
        self._walk = chain(_steps(text, needs), _end)
        self.needs = tuple(needs)
        self.keys = needs[-1] if needs and _ENDS_WITH_KEY.search(text) else frozenset()
        """The keys, as they stand in JSON, of which what it leads to is the value; none when it ends otherwise."""

    def find(self, value: Any) -> Found:
        """Where in *value*, and what is there: ``[("spec.ports[0].port", 80)]``."""
        found: Found = []
        self._walk(value, "", found)
        return found


def json_piece(text: str, *, key: bool = False) -> bytes:
    """*text* as it stands in JSON, with its quotes when it is a *key*."""
    piece = msgspec.json.encode(text)
    return piece if key else piece[1:-1]


def json_pieces(keys: frozenset[bytes], text: str) -> frozenset[bytes]:
    """All that JSON without spaces may hold where the value of one of *keys* is a scalar that people write as *text*.

    Without *keys*, only the text itself. None at all where a number can be written in more ways.
    """
    if _MANY_WAYS.match(text):
        return frozenset()
    if not keys or _FRACTION.match(text):
        return frozenset({json_piece(text)})
    forms = [json_piece(text, key=True)]
    if text in {"true", "false"}:
        forms.append(text.encode())
    elif _WHOLE.match(text):
        forms += (f"{text}{after}".encode() for after in (",", "}", ".0"))
    return frozenset(key + b":" + form for key in keys for form in forms)


@cache
def compiled(text: str) -> Path:
    """``Path(text)``, once per text and process."""
    return Path(text)


def _end(value: Any, where: str, found: Found) -> None:
    found.append((where.removeprefix("."), value))


def _steps(text: str, needs: Needs) -> list[Step]:
    steps: list[Step] = []
    at = 0
    while at < len(text):
        deep = text.startswith("..", at)
        if deep:
            at += 2
        elif text[at] == ".":
            if at == 0 or text[at - 1] == ".":
                raise PathError(f"{text!r}: a dot leads from one key to the next")
            at += 1
        elif at and text[at] != "[":
            raise PathError(f"{text!r}: a dot is missing before {text[at:]!r}")
        step, at = _step(text, at, needs)
        steps.append(anywhere(step) if deep else step)
    return steps


def _step(text: str, at: int, needs: Needs) -> tuple[Step, int]:
    """The step that begins at *at*, and where the next one does."""
    if at >= len(text):
        raise PathError(f"{text!r} ends with a dot")
    if text[at] == "*":
        return every, at + 1
    if text[at] in "({":
        end = _closing(text, at)
        inner = _split(text[at + 1 : end], "|" if text[at] == "(" else ",")
        return _ways(inner, needs), end + 1
    if text[at] == "[":
        return _bracket(text, at, needs)
    if (found := _NAME.match(text, at)) and found[0] != "$":
        needs.append(frozenset({json_piece(found[0], key=True)}))
        return key(found[0]), found.end()
    raise PathError(f"{text!r}: {text[at:]!r} is not understood")


def _ways(texts: list[str], needs: Needs) -> Step:
    """One way or another; what they need is one key of each, if each needs any."""
    own: list[Needs] = [[] for _ in texts]
    ways = [_steps(text, inner) for text, inner in zip(texts, own, strict=True)]
    if all(own):
        needs.append(frozenset(key for inner in own for key in inner[-1]))
    return either(ways)


def _bracket(text: str, at: int, needs: Needs) -> tuple[Step, int]:
    if text.startswith("[*]", at):
        return every, at + 3
    if found := _QUOTED.match(text, at):
        if "*" in found[2]:
            return glob(found[2]), found.end()
        needs.append(frozenset({json_piece(found[2], key=True)}))
        return key(found[2]), found.end()
    if found := _INDEX.match(text, at):
        return index(int(found[1])), found.end()
    if text.startswith("[?", at):
        end = _closing(text, at)
        return _filter(text[at + 2 : end], needs), end + 1
    raise PathError(f"{text!r}: {text[at:]!r} is not understood; every member is [*]")


def _closing(text: str, at: int) -> int:
    """Where the bracket that opens at *at* closes; brackets in quotes do not count."""
    waiting, quote = [], ""
    for here in range(at, len(text)):
        letter = text[here]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in _CLOSES:
            waiting.append(_CLOSES[letter])
        elif letter in ")}]":
            if letter != waiting.pop():
                break
            if not waiting:
                return here
    raise PathError(f"{text!r}: {text[at]!r} is not closed")


def _split(text: str, mark: str) -> list[str]:
    """*text* at every *mark* outside of quotes and brackets."""
    parts, depth, quote = [""], 0, ""
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in "({[") - (letter in ")}]")
        if not depth and not quote and text.startswith(mark, at):
            parts.append("")
        elif not (parts[-1] == "" and len(mark) > 1 and letter == mark[1]):
            parts[-1] += letter
    if not all(part.strip() for part in parts):
        raise PathError(f"{text!r}: nothing stands between two {mark!r}")
    return [part.strip() for part in parts]


def _filter(text: str, needs: Needs) -> Step:
    inner = text.strip()
    if inner.startswith("(") and _closing(inner, 0) == len(inner) - 1:
        inner = inner[1:-1]
    tests = [_condition(part, needs) for part in _split(inner, "&&")]

    def step(then: Walk) -> Walk:
        def passed(value: Any, where: str, found: Found) -> None:
            if all(test(value) for test in tests):
                then(value, where, found)

        return every(passed)

    return step


def _condition(text: str, needs: Needs) -> Callable[[Any], bool]:
    found = _CONDITION.match(text)
    if found is None or not (found["path"] or found["op"]):
        raise PathError(f"[?{text}] is no condition such as [?name=='x']")
    path, op = Path(found["path"]), found["op"]
    if op is None:
        return lambda value: bool(path.find(value))
    wanted = found["value"].strip("'\"")
    if op == "=~":
        try:
            search = re.compile(wanted).search
        except re.error as error:
            raise PathError(f"[?{text}]: {error}") from error
        return lambda value: any(search(text_of(v)) for _, v in path.find(value))
    needs += path.needs
    if op == "==":
        needs += filter(None, [json_pieces(path.keys, wanted)])
        return lambda value: any(text_of(v) == wanted for _, v in path.find(value))
    return lambda value: any(text_of(v) != wanted for _, v in path.find(value))
