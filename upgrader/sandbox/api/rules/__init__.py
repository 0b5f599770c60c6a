"""Defaults, preparation and validation of the built-in kinds and of custom resources."""
