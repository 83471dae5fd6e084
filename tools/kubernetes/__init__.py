"""Kubernetes: the reader's bounded eyes and the actor's typed hands.

Everything here takes explicit credentials and explicit targets. Free-form patches, shell
commands and secret values may never enter.
"""
