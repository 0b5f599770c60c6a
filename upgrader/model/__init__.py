"""Nouns: frozen values without I/O. This room imports nothing of ours."""
