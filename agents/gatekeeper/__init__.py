"""The gatekeeper: shows a person the exact change and writes down what that person decided.

It holds the chat tokens and the roster. A cluster credential or a model's key may never
enter this folder, and nothing here interprets prose: a decision is a click, checked.
"""
