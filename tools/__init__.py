"""Hands and eyes: every way Midwatch touches something outside its own process.

A tool does exactly what it is told and reports what happened. It decides nothing. When a
tool seems to need the reason for a call, a decision has leaked out of ``agents``.
"""
