"""Words in, words out: one file per command, and no decisions."""
