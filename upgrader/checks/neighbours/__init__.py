"""Questions about what else acts on this cluster: other proxies, other drivers, other clusters."""
