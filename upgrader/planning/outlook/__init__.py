"""What the restarts of a plan mean, how long it all takes, and what both rest on."""
