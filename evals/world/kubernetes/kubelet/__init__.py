"""A kubelet without a machine: what containers would do, worked out from the scenario.

Images behave as the scenario says (how long they take, what they print, how much memory they need, when they
die); pull errors, back-off, probes and OOM kills then follow by cause and by clock. Nothing here may decide
an
outcome because a test or a demo wants it: a pod is ready only when its image, its limits and its probes
allow
it.
"""
