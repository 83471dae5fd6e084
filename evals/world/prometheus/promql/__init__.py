"""PromQL over the in-memory database: grammar by promql-parser, semantics of Prometheus 2.x.

A query is compiled once into nested functions of time and then run for each step. Whatever the compiler does
not know is refused by name. HTTP and the cluster's objects may never enter.
"""
