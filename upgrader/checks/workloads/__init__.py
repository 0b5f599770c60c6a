"""Questions about workloads: would a restart move them, and at what price."""
