"""Whether those who must talk to a new control plane can: policies, plugin, ports, names."""
