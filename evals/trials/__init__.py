"""How well the product does: every scenario played from fault to final state, and judged.

The product's own parts play, over the pretend data centre's real protocols, in time that is handed in; only
the person who signs is ours, and signs whatever is proposed. Scorers are pure and say why. Nothing in here
may know how the product reasons: it sees what the ledger says and what became of the cluster.
"""
