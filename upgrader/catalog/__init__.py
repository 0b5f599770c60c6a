"""What is known about Istio and about our own messages: data with a source and a date, and readers of it."""

from __future__ import annotations

from upgrader.catalog.explain import codes, page
from upgrader.catalog.load import load_catalog
from upgrader.catalog.query import Catalog, Fault, KubernetesRange, Release, Support

__all__ = ["Catalog", "Fault", "KubernetesRange", "Release", "Support", "codes", "load_catalog", "page"]
