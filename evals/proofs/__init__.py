"""The protocol proved on a model: every order of events, every crash, every late message.

``python -m evals.proofs`` runs spin over ``approval.pml`` in each of its configurations, which must
hold, and over each mutant, which must be caught unless it is written down why it need not be.
The model knows nothing of the product; ``tests/proofs/test_model_in_step.py`` holds the two together.
"""
