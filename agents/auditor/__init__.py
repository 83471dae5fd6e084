"""The auditor: checks that the record was not bent, signs what it saw, and tells it outside.

It reads the ledger and recomputes it; it writes checkpoints, and that it found something. It never repairs
what it finds: a repair of evidence is a forgery with good intentions. ``standalone.py`` is packed with every
export and may import nothing but the standard library.
"""
