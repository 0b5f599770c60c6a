"""Manifests of Istio releases in the shape that installers render."""
