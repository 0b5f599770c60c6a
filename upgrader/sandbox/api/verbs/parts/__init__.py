"""Subresources that are no plain part of their object: eviction, binding, logs, proxy, scale, token."""
