"""Questions about the authority that proxies trust: old and new must go on believing each other."""
