"""Guided Istio upgrades: plan, approve, apply, resume, roll back.

The rooms, from the ground up (a room imports only from rooms below it):

``model``     nouns: frozen values without I/O
``catalog``   what is known about Istio releases, as data with a source and a date
``host``      this machine: clock, files, processes, locks
``cluster``   the API server behind one narrow port
``sandbox``   an embedded API server with small controllers, for demo, tests and simulation
``probes``    live looks: one reading of the cluster each
``survey``    cluster to snapshot; reads everything once, decides nothing
``checks``    snapshot and catalog to findings; pure
``playbook``  what an operator may decide, strictly decoded
``steps``     changes: observe, diff, verify; a step never writes
``planning``  snapshot, findings and playbook to a plan; pure
``engine``    the only room that writes to the cluster, journal first
``report``    plans and events to words
``cli``       words in, words out
"""

__version__ = "0.1.0"
