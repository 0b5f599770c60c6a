"""Label and field selectors, from queries and from objects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from upgrader.sandbox.errors import bad_request
from upgrader.sandbox.store import Obj

_TOKEN = re.compile(r"\s*(==|!=|[=!,()<>]|[^\s=!,()<>]+)")
_OPERATORS = frozenset({"=", "==", "!=", "in", "notin", "<", ">"})
_END = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term: ``operator`` is one of ``in``, ``notin``, ``exists``, ``absent``, ``gt``, ``lt``."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, Any]) -> bool:
        """Whether these labels satisfy the term; a missing key satisfies ``notin`` and ``absent``."""
        value = labels.get(self.key)
        if self.operator == "in":
            return value is not None and value in self.values
        if self.operator == "notin":
            return value is None or value not in self.values
        if self.operator in {"gt", "lt"}:
            return self._ordered(value)
        return (value is not None) == (self.operator == "exists")

    def _ordered(self, value: Any) -> bool:
        if value is None or not re.fullmatch(r"-?\d+", value):
            return False
        bound = int(next(iter(self.values)))
        return int(value) > bound if self.operator == "gt" else int(value) < bound


Selector = tuple[Requirement, ...]


def all_hold(selector: Selector, labels: Mapping[str, Any]) -> bool:
    """Whether the labels satisfy every term."""
    return all(term.holds(labels) for term in selector)


def matches(selector: Obj | None, labels: Mapping[str, str] | None) -> bool:
    """Whether a LabelSelector object (matchLabels, matchExpressions) selects the labels.

    The empty selector selects everything; None selects nothing.
    """
    if selector is None:
        return False
    found = labels or {}
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    if not wanted.items() <= found.items():
        return False
    terms = selector.get("matchExpressions")
    return not terms or all(_expression(term).holds(found) for term in terms)


def usable(selector: Obj | None) -> bool:
    """Whether the selector says anything, and nothing that a client of Kubernetes refuses to read (``LabelSelectorAsSelector``)."""
    labels, terms = (selector or {}).get("matchLabels") or {}, (selector or {}).get("matchExpressions") or ()
    pairs = [(key, "In", [value]) for key, value in labels.items()]
    pairs += [(term.get("key"), term.get("operator"), term.get("values") or []) for term in terms]
    return bool(pairs) and all(_usable(str(key), operator, values) for key, operator, values in pairs)


def _usable(key: str, operator: object, values: Sequence[str]) -> bool:
    if operator not in {"In", "NotIn", "Exists", "DoesNotExist"} or not _NAME.fullmatch(key):
        return False
    fit = all(not each or (len(each) <= _LONGEST and _VALUE.fullmatch(each)) for each in values)
    return fit and bool(values) == (operator in {"In", "NotIn"})


_WORDS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent", "Gt": "gt", "Lt": "lt"}


def _expression(term: Obj) -> Requirement:
    return Requirement(term["key"], _WORDS[term["operator"]], frozenset(term.get("values") or ()))


class _Reader:
    """Tokens of a label selector with one look ahead."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else _END

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token


@lru_cache(maxsize=4096)
def parse_label_selector(text: str) -> Selector:
    """Terms of a ``labelSelector`` query.

    Raises:
        ApiError: 400 with the parser's words.
    """
    reader = _Reader(text)
    terms: list[Requirement] = []
    while reader.peek() != _END:
        terms.append(_term(reader))
        following = reader.take()
        if following == _END:
            break
        if following != ",":
            raise bad_request(f"found '{following}', expected: ',' or 'end of string'")
        if reader.peek() in {_END, ","}:
            raise bad_request(f"found '{reader.peek()}', expected: identifier after ','")
    return tuple(terms)


def _term(reader: _Reader) -> Requirement:
    if reader.peek() == "!":
        reader.take()
        return Requirement(_key(reader), "absent")
    key = _key(reader)
    operator = reader.peek()
    if operator in {_END, ","}:
        return Requirement(key, "exists")
    if operator not in _OPERATORS:
        raise _unparsed(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
    reader.take()
    if operator in {"in", "notin"}:
        return Requirement(key, operator, _values(reader))
    value = "" if reader.peek() in {_END, ","} else reader.take()
    if value and not _VALUE.fullmatch(value):
        raise _unparsed(f'values[0][{key}]: Invalid value: "{value}": {_VALUE_WHY}')
    if operator in {"<", ">"}:
        return Requirement(key, "gt" if operator == ">" else "lt", frozenset({value}))
    return Requirement(key, "notin" if operator == "!=" else "in", frozenset({value}))


_LONGEST = 63
_VALUE = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE_WHY = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_NAME = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def _key(reader: _Reader) -> str:
    word = reader.take()
    if word == _END or word in "()=!,<>" or word in {"==", "!="}:
        raise bad_request(f"found '{word}', expected: !, identifier, or 'end of string'")
    if not _NAME.fullmatch(word):
        raise _unparsed(
            f"<nil>: Invalid value: \"{word}\": name part must consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "
            "regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        )
    return word


def _values(reader: _Reader) -> frozenset[str]:
    opening = reader.take()
    if opening != "(":
        raise _unparsed(f"found '{opening}' expected: '('")
    found: set[str] = set()
    while True:
        word = reader.take()
        if word == ")":
            return frozenset(found or {""})
        if word == ",":
            continue
        if word == _END or word in "(=!<>":
            raise _unparsed(f"found '{word}', expected: ',', ')' or identifier")
        found.add(word)


def _unparsed(why: str) -> Exception:
    return bad_request(f"unable to parse requirement: {why}")


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """``path = value`` or its negation."""

    path: str
    value: str
    equal: bool

    def holds(self, obj: Obj) -> bool:
        """Whether the object's field reads as the value; a missing field reads as empty."""
        return (read_field(obj, self.path) == self.value) == self.equal


@lru_cache(maxsize=4096)
def parse_field_selector(text: str) -> tuple[FieldTerm, ...]:
    """Terms of a ``fieldSelector`` query; which paths are known is for ``check_fields``.

    Raises:
        ApiError: 400.
    """
    terms = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"(.+?)(==|!=|=)(.*)", part)
        if found is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        terms.append(FieldTerm(found[1], found[3], found[2] != "!="))
    return tuple(terms)


def check_fields(terms: Sequence[FieldTerm], known: Sequence[str], *, custom: bool = False) -> None:
    """Refuse paths the resource cannot be selected by.

    Raises:
        ApiError: 400; resources without own fields answer with the two every object has.
    """
    for term in terms:
        if term.path in {"metadata.name", "metadata.namespace", *known}:
            continue
        if known or custom:
            raise bad_request(f"field label not supported: {term.path}")
        raise bad_request(
            f'"{term.path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
        )


def read_field(obj: Obj, path: str) -> str:
    """The scalar at a dotted path as text; empty when it is not there."""
    here: Any = obj
    for part in path.split("."):
        if not isinstance(here, dict):
            return ""
        here = here.get(part)
    if here is None or isinstance(here, dict | list):
        return ""
    if isinstance(here, bool):
        return "true" if here else "false"
    return str(here)
