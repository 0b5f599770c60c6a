"""Jinja2 for words only: a template fills one leaf string, after parsing, and can reach nothing but the facts given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 2000
_FILTERS = (
    "default",
    "first",
    "int",
    "join",
    "last",
    "length",
    "lower",
    "replace",
    "sort",
    "title",
    "trim",
    "upper",
)
_FORBIDDEN = (
    nodes.For,
    nodes.Macro,
    nodes.Call,
    nodes.CallBlock,
    nodes.Include,
    nodes.Import,
    nodes.FromImport,
    nodes.Extends,
    nodes.Pow,
    nodes.Mul,
    nodes.Mod,
)
"""What could run away, or reach for something else than the facts."""
_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters = {name: _ENVIRONMENT.filters[name] for name in _FILTERS}


def check_template(template: str, facts: Sequence[str]) -> str:
    """What is wrong with *template*, or an empty string."""
    if len(template) > LONGEST:
        return f"longer than {LONGEST} characters"
    try:
        tree = _ENVIRONMENT.parse(template)
        _ENVIRONMENT.compile(template)
    except jinja2.TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"
    except RecursionError:
        return "nested too deeply"
    unknown = sorted(meta.find_undeclared_variables(tree) - set(facts))
    if unknown:
        return f"unknown fact {unknown[0]!r}"
    if any(True for kind in _FORBIDDEN for _ in tree.find_all(kind)):
        return (
            "only facts, filters and `if` are allowed in words: no loops, calls, includes or multiplication"
        )
    return ""


def render(template: str, facts: Mapping[str, Any]) -> str:
    """The words, on one line, cut to a sane length.

    Raises:
        ValueError: an unknown fact or anything that is not allowed.
    """
    problem = check_template(template, tuple(facts))
    if problem:
        raise ValueError(problem)
    try:
        text = _ENVIRONMENT.from_string(template).render(facts)
    except jinja2.TemplateError as error:
        raise ValueError(error.message or str(error)) from error
    return " ".join(text.split())[:LONGEST]
