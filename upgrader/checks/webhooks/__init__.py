"""Questions about webhooks and tags: do they lead to an istiod that runs."""
