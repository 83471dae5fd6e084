"""How often the right runbook is found by what people type: ``python -m evals.retrieval``."""
