"""Analyzers: one small file per family of conditions, each a pure function from objects to findings.

An analyzer reads a ``Snapshot`` and yields a ``Finding`` for what is wrong; healthy things are
silent. Input or output, a clock, a model and any opinion about which finding is the cause may
never enter this folder: causes are joined in ``reasoning``.
"""
