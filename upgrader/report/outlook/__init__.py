"""What restarts mean and how long a plan takes: at a terminal, and in a review."""
