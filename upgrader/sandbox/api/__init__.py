"""The parts of the API server; ``sandbox.rest`` puts them together."""
