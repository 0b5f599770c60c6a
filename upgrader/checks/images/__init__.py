"""Questions about images: does every proxy run what its revision injects, and would a restart change that."""
