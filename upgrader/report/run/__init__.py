"""A run: its lines, its events, how it stands, how it ended."""
