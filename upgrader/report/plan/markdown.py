"""A plan as one comment of a change review, in GitHub's flavour."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from upgrader.planning.plan import Plan, plan_digest
from upgrader.report.plan.escaping import code, escaped, inline, shell
from upgrader.report.plan.review import (
    facts,
    fold_equivalents,
    fold_images,
    fold_rendering,
    fold_restarts,
    fold_steps,
)

LIMIT = 60_000
"""Characters; GitHub refuses comments above 65,536."""


@dataclass(frozen=True)
class _Parts:
    """What is folded below the comment, most dispensable first."""

    commands: bool = True
    options: bool = True
    later: bool = True
    images: bool = True
    first: str = "steps"

    def missing(self, *, rendered: bool) -> list[str]:
        """What was left out, for the reader; options only where something was *rendered* with any."""
        words = {
            "the equivalent commands": self.commands,
            "the options and differences": self.options or not rendered,
            "the steps of the later hops": self.later,
            "the images": self.images,
            "the single steps of hop 1": self.first == "steps",
            "the waves of hop 1": bool(self.first),
        }
        return [word for word, there in words.items() if not there]


def plan_markdown(plan: Plan, *, made_file: str = "", banner: str = "", limit: int = LIMIT) -> str:
    """The comment: verdict, numbers, way back and worst moment outside the folds; never longer than *limit*.

    Too long, it lacks the equivalent commands, then options and differences of what was rendered, the later hops' steps, the images, the first hop's steps; never
    what blocks, what is advised and how it is applied. It says what it lacks.
    """
    parts = _Parts()
    shorter: list[dict[str, Any]] = [
        {"commands": False},
        {"options": False},
        {"later": False},
        {"images": False},
    ]
    for change in ({}, *shorter, {"first": "waves"}, {"first": ""}):
        parts = replace(parts, **change)
        text = _render(plan, made_file or "plan.json", banner, parts)
        if len(text) <= limit:
            break
    return text


def _render(plan: Plan, file: str, banner: str, parts: _Parts) -> str:
    name = Path(file).name
    folds = fold_restarts(plan) + fold_steps(plan, first=parts.first, later=parts.later)
    folds += fold_equivalents(plan) if parts.commands else []
    folds += fold_rendering(plan) if parts.options else []
    folds += fold_images(plan) if parts.images else []
    whole = facts(plan) | {
        "banner": f" ({banner})" if banner else "",
        "file": name,
        "digest": plan_digest(plan)[:10],
        "folds": folds,
        "missing": ", ".join(parts.missing(rendered=bool(plan.binaries))) if plan.hops else "",
    }
    text = _environment().get_template("plan.md.j2").render(whole)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701  markdown; everything of the cluster passes one of the filters
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cell": escaped, "code": code, "inline": inline, "shell": shell}
    return environment
