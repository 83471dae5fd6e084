"""The investigator: reads the cluster, works out the cause, drafts one plan.

It holds read-only credentials and, if configured, the model's key. A write verb, a Slack
token or the plan-signing key may never enter this folder.
"""
