"""A Kubernetes API server with workloads and a mesh, in memory: what the tests and the demo run against."""
