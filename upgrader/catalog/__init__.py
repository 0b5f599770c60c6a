"""What is known about Istio and about our own messages: data with a source and a date, and readers of it."""

from __future__ import annotations

from upgrader.catalog.entries import Fault, KubernetesRange, Release, SkewRule
from upgrader.catalog.explain import codes, page
from upgrader.catalog.load import load_catalog, site_digests, site_flag
from upgrader.catalog.query import Catalog, Support
from upgrader.catalog.windows import Window, runs_on, window

__all__ = [
    "Catalog",
    "Fault",
    "KubernetesRange",
    "Release",
    "SkewRule",
    "Support",
    "Window",
    "codes",
    "load_catalog",
    "page",
    "runs_on",
    "site_digests",
    "site_flag",
    "window",
]
