"""The ledger's schema, one step a file, applied in order by alembic.

A migration that was released is never edited. Data that decides anything is never rewritten.
"""
