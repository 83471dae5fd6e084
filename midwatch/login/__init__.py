"""Who may open the pages: the ways in, the roles, and how long a login lasts.

Nothing here signs a change. Signing is the gatekeeper's, in the chat, and no role of the pages leads to it.
"""
