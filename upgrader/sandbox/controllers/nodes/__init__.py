"""What the scheduler and the kubelets do."""
