"""Questions about gateways: who owns them, and what happens to their traffic when that changes."""
