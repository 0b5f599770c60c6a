"""Questions about labels: which revision does the next pod get, if any."""
