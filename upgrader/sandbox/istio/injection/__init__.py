"""What an istiod makes of a pod: whether it injects, by which settings, and the proxy it adds."""
