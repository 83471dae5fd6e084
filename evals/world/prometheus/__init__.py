"""An emulator of the Prometheus query API over series that follow the pretend cluster.

The samples are derived from the objects in the cluster and from what its containers use, so a repaired
Deployment shows up in the metrics because it is repaired. Semantics are those of Prometheus 2.x, and a
contract test holds them against the real binary. What never enters: a made-up answer to a question the engine
does not understand (it says 422), and anything that knows which scenario is being played.
"""
