"""The pages and the doors: incidents, the ledger, the webhook, and Slack's callbacks over HTTP.

Everything here reads the ledger or hands a delivery to it. A rule about plans may not enter.
"""
