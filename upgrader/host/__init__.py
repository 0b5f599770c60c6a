"""This machine: clock, files, locks, identity, shipped data. The only room beside the sandbox that touches time and fcntl."""
