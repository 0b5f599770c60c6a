"""What kube-controller-manager, the scheduler and the kubelets do, on the sandbox's clock."""
