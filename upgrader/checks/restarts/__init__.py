"""What a restart of a workload means for those who use it, and how long it takes: read from the snapshot, or said to be assumed."""
