"""Detectors that compare objects which people wrote for Istio."""
