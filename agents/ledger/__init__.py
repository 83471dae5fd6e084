"""The ledger: every durable fact, the state machine of a plan, and the only SQL.

All four agents write here and only here. Every change of state is one transaction with its
hash-chained audit row. Nothing in this folder may talk to a network other than its database.
"""
