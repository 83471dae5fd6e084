"""The policy: what an installation allows of what the code allows, as a file that can only narrow.

Pure: a policy and a question in, a judgement with its reasons out. Every agent judges by it on its
own, from the plan's bytes. What asks a cluster, a ledger or a person may never enter here, and
nothing here may let through what the catalogue or the floor refuses.
"""
