"""Intake: a webhook request of Alertmanager becomes a committed delivery before it is answered.

``notification.py`` reads bytes into words, ``writer.py`` commits many deliveries at once,
``body.py`` bounds what is read, ``credential.py`` knows who may send, ``sources.py`` who guessed
too often, ``http.py`` puts them together. What a delivery means for an incident is the ledger's
business and may not enter here.
"""
