"""How often the faulty service of a graph is named from metrics alone: ``python -m evals.localisation``."""
