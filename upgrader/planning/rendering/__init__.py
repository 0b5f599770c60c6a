"""What is rendered for a hop: which options of the running installation go along, and what the new revision does differently."""
