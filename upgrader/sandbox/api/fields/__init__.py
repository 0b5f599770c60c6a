"""Which fields an object has, how they merge, and who owns them."""
