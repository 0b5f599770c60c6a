"""What a real istiod does inside a cluster, replayed over the store: serve webhooks, inject, own gateways."""
