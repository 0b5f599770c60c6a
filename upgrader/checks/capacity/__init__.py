"""Whether the cluster has room for a second control plane and for restarts: nodes, quotas, limits, memory."""
