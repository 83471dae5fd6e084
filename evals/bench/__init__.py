"""How fast Midwatch is: the figures it promises, each measured on the running product.

``python -m evals.bench`` prints them beside their targets. Every measurement is one file with one
``measure`` function; it starts ``python -m midwatch`` as anybody would and looks at it from outside:
its HTTP door, what the pretend Slack and the pretend API server noted, ``/proc``. No clock inside
the product is believed, and no figure may come from anywhere but a run.
"""
