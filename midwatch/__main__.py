"""``python -m midwatch``: the same as the command ``midwatch``."""

from midwatch.cli import main

main()
