"""One hop as steps: install beside, move in waves, move gateways and tags, retire."""
