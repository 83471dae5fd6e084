"""The auditor: checks that the record was not bent.

It reads the ledger and recomputes it. It never repairs what it finds: a repair of evidence
is a forgery with good intentions.
"""
