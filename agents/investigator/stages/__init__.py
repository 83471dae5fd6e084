"""The stages of an investigation, each one thing that an on-call engineer would name.

All share one signature, ``async def stage(state, runtime) -> State``. A stage may run twice, so
it writes to the ledger idempotently. A lock or a decision may never live here.
"""
