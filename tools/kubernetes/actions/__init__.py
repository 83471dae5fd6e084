"""The closed catalogue of changes: one file per verb, each complete or refused by a test.

A verb knows its parameters, preconditions, exact request, inverse, tier, RBAC rule, sentence,
risks, checks and when it must not be proposed. A shell, a template language or a free-form
patch may never enter this folder.
"""
