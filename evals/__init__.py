"""How Midwatch is judged: pretend surroundings, scenarios with known answers, and the scoring of both.

Nothing in here runs in production. The product never imports this folder except to start a demo, and no rule
about incidents may be decided here: an eval that knows better than the product hides a fault of the product.
"""
