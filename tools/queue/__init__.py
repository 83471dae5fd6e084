"""The durable queue: one port, an embedded adapter on SQLite and procrastinate on PostgreSQL.

It carries lane and incident, nothing else. A payload, a decision or a deadline that matters
may never enter: those live in the ledger.
"""
