"""Tests that need the optional dependencies `bed` are not collected without them."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("grpc") else ["test_fleet.py"]
