"""Questions about what was installed, by whom, and what else is there."""
