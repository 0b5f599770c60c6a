"""Which resources there are, as data, and which of them one version of Kubernetes serves."""
