"""``python -m midwatch``: the same as the command ``midwatch``."""

from midwatch.cli import main

# A process that is spawned imports the program's first module again; it is not to begin all over.
if __name__ == "__main__":
    main()
