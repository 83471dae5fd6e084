"""Who decides: the four agents, the words they share, and the ledger where they meet.

Each agent holds its own set of rights and none knows the others: the investigator reads
and reasons, the gatekeeper asks people, the actor changes one thing that was signed, the
auditor proves it afterwards. They talk through the ledger only. What touches a socket
belongs in ``tools``; what starts a process belongs in ``midwatch``.
"""
