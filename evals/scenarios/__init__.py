"""Incidents with known answers, one YAML file each; `worlds/` holds the clusters they happen in.

A file says what was there, who broke what, which alert notices, and how to tell a mended cluster from a
quiet one.
Code never enters: whatever a scenario needs beyond data belongs to the emulators in `evals.world`.
"""
