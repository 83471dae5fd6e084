"""The actor: rehearses drafts, performs approved plans once, and tells the truth afterwards.

It is the only holder of write credentials and always its own process. A model, a prompt
or a chat client may never enter this folder; it obeys plan bytes, not words.
"""
