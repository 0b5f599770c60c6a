"""What the API server's webhooks make of pods and configuration, asked by dry run, and whether they can answer."""
