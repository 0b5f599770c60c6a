"""What the nodes must be for the pods that a hop starts on them."""
