"""An emulator of the Kubernetes API server: object store, HTTP surface, and the rules real clients rely on.

Real behaviour comes first: a difference from a real API server is a fault here, and the contract tests that
say so can be pointed at a real cluster. What never enters: anything that knows which scenario is being played
(that belongs to the scenario and its kubelet) and anything of the product.
"""
