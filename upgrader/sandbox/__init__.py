"""A Kubernetes API server with workloads and a mesh, in memory: what the tests and the demo run against.

``world``        all of it together; start reading here
``store``        immutable objects, one revision, one log of changes
``rest``         the API server's door: ``handle(request) -> response``; ``local`` is a client on this side of it
``api``          its rooms: kinds, verbs, fields and their owners, schemas, rules, tables, discovery, access
``controllers``  what kube-controller-manager, scheduler and kubelets do
``istio``        what istiods do: webhooks, injection, Gateways, the answers of pods
``charts``       manifests of Istio releases as installers render them
``scenarios``    whole clusters as data
``serving``      a world on a socket, and the life it leads there
"""
