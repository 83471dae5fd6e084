"""The program: processes, settings, pages and the wiring of real tools to the agents.

This is the only package that may import everything else. A rule about incidents, plans or
evidence does not belong here.
"""
