"""Controllers that turn workloads into pods."""
