"""Versions of built-in kinds whose objects differ from the stored ones."""
