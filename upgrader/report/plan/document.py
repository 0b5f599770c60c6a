"""Documents for scripts; a plan's is the stored plan itself, so that reading it back is the same plan."""

from __future__ import annotations

from typing import Any

import msgspec

from upgrader.model.codec import pretty
from upgrader.planning.plan import Plan


def as_text(document: Any, form: str) -> str:
    """One JSON or YAML document, keys sorted, without a final newline."""
    if form == "yaml":
        import yaml

        return yaml.safe_dump(msgspec.to_builtins(document), sort_keys=True, allow_unicode=True).rstrip()
    return pretty(document).rstrip("\n")


def plan_document(plan: Plan) -> str:
    """JSON; what ``--out`` saves."""
    return as_text(plan, "json")


def plan_yaml(plan: Plan) -> str:
    """The same as YAML."""
    return as_text(plan, "yaml")
