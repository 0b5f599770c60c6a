"""A plan as one document for scripts: the stored plan itself, so that reading it back is the same plan."""

from __future__ import annotations

import msgspec
import yaml

from upgrader.model.codec import pretty
from upgrader.planning.plan import Plan


def plan_document(plan: Plan) -> str:
    """JSON; what ``--out`` saves."""
    return pretty(plan).rstrip("\n")


def plan_yaml(plan: Plan) -> str:
    """The same as YAML."""
    return yaml.safe_dump(msgspec.to_builtins(plan), sort_keys=True).rstrip()
