"""Questions about the configuration of the mesh: what a hop reads differently, or merges in an order nobody promised."""
