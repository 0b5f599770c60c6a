"""Whether proxies have taken the configuration that istiod sent them, as istiod tells it."""
