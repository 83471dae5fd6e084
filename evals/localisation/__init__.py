"""How often the faulty service of a graph is named from metrics alone: ``python -m evals.localisation``.

The graphs are generated: sizes, delays, noise, missing series and red herrings are drawn from a seed, and a
third of the seeds was never looked at while weights were chosen.
"""
